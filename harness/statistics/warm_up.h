// Where does the warm-up end? MSER: leave out so many values at the start that the standard error
// of the mean of the rest is smallest (White, "An effective truncation heuristic for bias reduction
// in simulation output", 1997). As in MSER-5, it is means of a few neighbours that are looked at,
// which quietens noise (White, Cobb and Spratt, "A comparison of five steady-state truncation
// heuristics for simulation", 2000): not always of five, but so many that there are some 20.
// Pure; any thread.
#pragma once

#include <cstddef>
#include <optional>
#include <span>

namespace crossover {

inline constexpr size_t kWarmUpBatches = 20;  // at least: with fewer, noise decides

// How many of the values to leave out: 0 for a series that is steady from the start, though noise
// may cost it some as well. At most half are looked at, as in the literature: nullopt if the best
// place is the last one of these, which means that no end of the warm-up can be told (in 3 of 100
// steady series by noise), and for fewer than kWarmUpBatches values. What doesn't fill a last batch
// counts for nothing.
std::optional<size_t> WarmUpLength(std::span<const double> values);

}  // namespace crossover
