#include "harness/statistics/trend.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numbers>
#include <vector>

#include "harness/statistics/median.h"

namespace crossover {

std::optional<Trend> FindTrend(std::span<const double> values) {
  const size_t n = values.size();
  if (n < kTrendValuesMin) return std::nullopt;
  const double median = Median(values);
  if (median == 0) return std::nullopt;
  double score = 0;
  std::vector<double> slopes;
  std::map<double, double> ties;
  for (size_t i = 0; i < n; ++i) {
    ties[values[i]] += 1;
    for (size_t j = i + 1; j < n; ++j) {
      const double rise = values[j] - values[i];
      score += rise > 0 ? 1 : rise < 0 ? -1 : 0;
      slopes.push_back(rise / static_cast<double>(j - i));
    }
  }
  const auto weight = [](double m) { return m * (m - 1) * (2 * m + 5); };
  double variance = weight(static_cast<double>(n));
  for (const auto& [value, count] : ties) variance -= weight(count);
  variance /= 18;
  Trend trend;
  if (variance > 0) {
    const double z = std::max(0.0, std::abs(score) - 1) / std::sqrt(variance);
    trend.probability = std::erfc(z / std::numbers::sqrt2);
  }
  trend.relative_change = Median(slopes) * static_cast<double>(n - 1) / std::abs(median);
  return trend;
}

}  // namespace crossover
