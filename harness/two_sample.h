// TwoSample: the ratio of two independent samples, as of the same cell in two runs. Pure; any
// thread.
//
// Welch's t on the logarithms: the ratio of the geometric means, with an interval for samples whose
// spread may differ. Repetition i of one run has nothing to do with repetition i of another, so
// nothing is paired. At least two values a side, or there is no interval.
#pragma once

#include <optional>
#include <span>

#include "harness/statistics/confidence_interval.h"

namespace crossover {

struct TwoSampleRatio {
  double ratio = 1;                              // geometric mean of the second / of the first
  std::optional<ConfidenceInterval> interval95;  // nullopt with fewer than two values on a side
  double log_ratio = 0;
  double standard_error = 0;      // of log_ratio; 0 without an interval
  double degrees_of_freedom = 0;  // Welch-Satterthwaite's; 0 if no value differs from its mean
};

// All values positive, and at least one on each side (checked).
TwoSampleRatio CompareSamples(std::span<const double> first, std::span<const double> second);

// The chance of a ratio at least this far from 1, either way, if the true one were 1. 1 without an
// interval.
double ProbabilityOfNoDifference(const TwoSampleRatio& result);

// The chance of a ratio at least this high if the true one were `limit` (positive, checked). 1
// without an interval.
double ProbabilityNotAbove(const TwoSampleRatio& result, double limit);

// The same figures of first / second.
TwoSampleRatio Inverse(const TwoSampleRatio& result);

}  // namespace crossover
