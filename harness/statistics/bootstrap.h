// Intervals of a mean by resampling: the BCa bootstrap (bias-corrected and accelerated) of Efron,
// "Better bootstrap confidence intervals" (1987). Endpoints are quantiles of the resampled means,
// moved by how far their median lies from the estimate and by how the spread changes along with the
// value (from the jackknife). No shape is assumed, only that values are independent; scaled
// logarithms or plain values give the same interval.
//
// Its 95 % are nominal. Simulated with 40 values, the mean's interval covers 94 % for normal ones,
// 93 % for exponential ones, 88 to 91 % with heavy tails.
//
// Pure and deterministic, by the seed; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "harness/statistics/confidence_interval.h"

namespace crossover {

struct BootstrapOptions {
  uint64_t seed = 1;
  size_t resamples = 9'999;  // at least 1; endpoints then move by some 2 % of the width by the seed
};

// nullopt for fewer than two values, which tell nothing about spread.
std::optional<ConfidenceInterval> BcaMeanInterval95(std::span<const double> values,
                                                    const BootstrapOptions& options = {});

}  // namespace crossover
