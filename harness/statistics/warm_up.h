// Where does the warm-up end? MSER: leave out so many values at the start that the standard error
// of the mean of the rest is smallest (White, "An effective truncation heuristic for bias reduction
// in simulation output", 1997); MSER-5 does so on means of five values, which quietens noise
// (White, Cobb and Spratt, "A comparison of five steady-state truncation heuristics for
// simulation", 2000). Pure; any thread.
#pragma once

#include <cstddef>
#include <optional>
#include <span>

namespace crossover {

inline constexpr size_t kWarmUpBatch = 5;        // values to a mean
inline constexpr size_t kWarmUpBatchesMin = 20;  // with fewer, noise decides

// How many of the values to leave out, a multiple of kWarmUpBatch: 0 for a series that is steady
// from the start, though noise may cost it some batches as well. At most half are looked at, as in
// the literature: nullopt if the best place is the last one of these, which means that no end of
// the warm-up can be told, and for fewer than kWarmUpBatchesMin batches. (It can be noise: in 3 of
// 100 steady series of 20 batches, 1 in 200 of 40.) A last batch that isn't full counts for
// nothing.
std::optional<size_t> WarmUpLength(std::span<const double> values);

}  // namespace crossover
