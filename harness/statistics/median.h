// Quantiles, and the median's percentile bootstrap interval. The bootstrap is not sampled: the
// distribution of the median over all n^n resamples has a closed form, which is used. With n
// repetitions no such interval covers more than 1 - 2^(1-n): 75 % at n = 3, 94 % at n = 5. Pure;
// any thread.
#pragma once

#include <optional>
#include <span>

#include "harness/statistics/confidence_interval.h"

namespace crossover {

// The quantile of `values` (in any order, not empty) at `probability` in [0, 1], interpolated
// linearly between order statistics (type 7 of Hyndman and Fan, the default of R and NumPy).
double Quantile(std::span<const double> values, double probability);
double Median(std::span<const double> values);

// The 95 % percentile bootstrap interval of the median, over all resamples. nullopt for fewer than
// two values, which tell nothing about spread. At most limits::kRepetitionsMax values (checked).
std::optional<ConfidenceInterval> MedianInterval95(std::span<const double> values);

}  // namespace crossover
