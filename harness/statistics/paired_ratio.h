// The ratio of a few paired repetitions, on logarithms: the geometric mean of the pairs' ratios,
// with Student's t interval. Not a sign-flip or rank test: with 5 pairs its smallest two-sided p is
// 2/32, so it could never find anything. Not a bootstrap either: at 5 pairs its nominal 95 %
// interval covers 83 % (simulated). The t interval assumes that log ratios are roughly normal, and
// one outlier among few pairs widens it, which errs on the side of finding nothing.
//
// It takes the pairs as independent; serial_mean.h doesn't. Pure; any thread.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "harness/statistics/confidence_interval.h"

namespace crossover {

struct PairedRatio {
  double ratio = 1;                              // geometric mean of numerator / denominator
  std::optional<ConfidenceInterval> interval95;  // nullopt for one pair
  double probability = 1;  // two-sided, of a ratio this far from 1 if there were no
                           // difference; 1 for one pair
};

// `numerators[i]` and `denominators[i]` are of the same repetition and positive (checked); at least
// one pair.
PairedRatio ComparePairs(std::span<const double> numerators, std::span<const double> denominators);

// log(numerator / denominator) of each pair, in their order. They are positive, and as many
// (checked).
std::vector<double> LogRatios(std::span<const double> numerators,
                              std::span<const double> denominators);

}  // namespace crossover
