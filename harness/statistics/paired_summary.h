// The comparison of many pairs that were measured one after another, such as slices of a duet: what
// is reported of it. Pure and deterministic, by the seed; any thread.
//
// For ten pairs or more. For a few repetitions see paired_ratio.h: with fewer than six pairs the p
// of this one can't be below 5 %.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "harness/statistics/confidence_interval.h"
#include "harness/statistics/serial_mean.h"

namespace crossover {

struct PairedSummaryOptions {
  uint64_t seed = 1;
  size_t resamples = 9'999;     // of the bootstrap
  size_t sign_vectors = 9'999;  // of the test, where there are too many pairs for all
};

struct PairedSummary {
  SerialMean logs;   // of log(numerator / denominator), trimmed: pairs, effective pairs, mean
  double ratio = 1;  // exp of the trimmed mean of those logarithms (trimmed.h)
  std::optional<ConfidenceInterval> interval95;   // of the ratio; nullopt for one pair
  std::optional<ConfidenceInterval> bootstrap95;  // a second opinion, for skewed ratios; likewise
  double probability = 1;    // two-sided, of a ratio this far from 1 if both sides were alike
  double cohens_dz = 0;      // of all logarithms (effect_size.h)
  double superiority = 0.5;  // share of pairs with the larger numerator
};

// `numerators[i]` and `denominators[i]` are of one pair and positive (checked), pairs in the order
// in which they were measured; at least one.
// All on the stand-ins of the logarithms, of which the mean is their trimmed mean:
// - interval95: Student's t, with the effective number of pairs.
// - bootstrap95: BCa, as much wider as the effective pairs are fewer.
// - probability: sign flips, their sum shrunk by the same measure. Approximate:
//   the trimming is not done anew for each flip (rates of error: simulation_test.cc).
PairedSummary SummarisePairs(std::span<const double> numerators,
                             std::span<const double> denominators,
                             const PairedSummaryOptions& options = {});

}  // namespace crossover
