// The statistics of reports. Pure and deterministic: no random numbers, since repetitions are few
// enough for exact results. Any thread.
//
// Cells: the median, with the percentile bootstrap interval. The bootstrap is not sampled: the
// distribution of the median over all n^n resamples has a closed form, which is used. With n
// repetitions no such interval covers more than 1 - 2^(1-n): 75 % at n = 3, 94 % at n = 5.
//
// Comparisons: the ratio of paired repetitions, on logarithms: the geometric mean of the pairs'
// ratios, with Student's t interval. Not a sign-flip or rank test: with 5 pairs its smallest
// two-sided p is 2/32, so it could never find anything. Not a bootstrap either: at 5 pairs its
// nominal 95 % interval covers 83 % (simulated). The t interval assumes that log ratios are roughly
// normal, and one outlier among few pairs widens it, which errs on the side of finding nothing.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

namespace crossover {

struct ConfidenceInterval {
  double low = 0;
  double high = 0;
  bool operator==(const ConfidenceInterval&) const = default;
};

// The quantile of `values` (in any order, not empty) at `probability` in [0, 1], interpolated
// linearly between order statistics (type 7 of Hyndman and Fan, the default of R and NumPy).
double Quantile(std::span<const double> values, double probability);
double Median(std::span<const double> values);

// The 95 % percentile bootstrap interval of the median, over all resamples. nullopt for fewer than
// two values, which tell nothing about spread. At most limits::kRepetitionsMax values (checked).
std::optional<ConfidenceInterval> MedianInterval95(std::span<const double> values);

struct PairedRatio {
  double ratio = 1;                              // geometric mean of numerator / denominator
  std::optional<ConfidenceInterval> interval95;  // nullopt for one pair
  double probability = 1;  // two-sided, of a ratio this far from 1 if there were no
                           // difference; 1 for one pair
};

// `numerators[i]` and `denominators[i]` are of the same repetition and positive (checked); at least
// one pair.
PairedRatio ComparePairs(std::span<const double> numerators, std::span<const double> denominators);

// Which of a family of tests still reject at `level` after Holm's correction, in the order given.
// The chance of even one false rejection among all of them is at most `level`.
std::vector<bool> HolmRejections(std::span<const double> probabilities, double level);

struct Trend {
  double probability = 1;      // two-sided, of a trend at least as strong if there were none
  double relative_change = 0;  // along the fitted line, first value to last, over the median
};

// Mann-Kendall's test (normal approximation, corrected for ties and continuity) and the Theil-Sen
// line. nullopt for fewer than kTrendValuesMin values, where the approximation fails, and for a
// median of 0.
inline constexpr size_t kTrendValuesMin = 8;
std::optional<Trend> FindTrend(std::span<const double> values);

}  // namespace crossover
