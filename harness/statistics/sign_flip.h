// Is the centre of paired differences 0? Fisher's test by randomisation ("The Design of
// Experiments", 1935): if the two sides of a pair are alike, each difference is as likely to have
// the other sign, and the sum that was seen is one of 2^n equally likely ones. Exact for any
// symmetric distribution of independent differences. Pure and deterministic, by the seed; any
// thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace crossover {

inline constexpr size_t kExactSignsMax = 16;  // values up to which all 2^n sign vectors are tried

struct SignFlipOptions {
  uint64_t seed = 1;
  size_t vectors = 9'999;  // drawn when there are more than kExactSignsMax values
  // The sum that was seen counts as smaller by this factor, in (0, 1]. Below 1 the p is larger, so
  // still valid. For values that follow each other and correlate: the square root of the share of
  // them that is effective (serial_mean.h).
  double shrink = 1;
};

// The two-sided p: the share of sign vectors whose sum is at least as far from 0. With drawn
// vectors the one that was seen is counted in, above and below the line, so that p is never 0 and
// never too small (Phipson and Smyth, 2010): at least 1 / (vectors + 1). With n values it is at
// least 2^(1-n): fewer than 6 can't reach 5 %. 1 for no values.
double SignFlipProbability(std::span<const double> values, const SignFlipOptions& options = {});

}  // namespace crossover
