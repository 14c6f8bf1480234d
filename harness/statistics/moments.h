// Mean, spread and Student's t. Pure; any thread.
#pragma once

#include <span>

namespace crossover {

double Mean(std::span<const double> values);  // at least one (checked)

// The sample's standard deviation, with n - 1. At least two values (checked).
double StandardDeviation(std::span<const double> values);

// Half the width of a 95 % interval in standard errors: Student's t at 97.5 %. `freedom` > 0, and
// need not be whole.
double StudentReach95(double freedom);

}  // namespace crossover
