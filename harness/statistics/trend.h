// Does a series rise or fall? Pure; any thread.
#pragma once

#include <cstddef>
#include <optional>
#include <span>

namespace crossover {

struct Trend {
  double probability = 1;      // two-sided, of a trend at least as strong if there were none
  double relative_change = 0;  // along the fitted line, first value to last, over the median
};

// The test of Mann (1945) and Kendall (normal approximation, corrected for ties and continuity) and
// the line of Theil (1950) and Sen (1968). nullopt for fewer than kTrendValuesMin values, where the
// approximation fails, and for a median of 0.
inline constexpr size_t kTrendValuesMin = 8;
std::optional<Trend> FindTrend(std::span<const double> values);

}  // namespace crossover
