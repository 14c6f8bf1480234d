#include "harness/statistics/change_point.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "harness/statistics/median.h"

namespace crossover {

std::optional<ChangePoint> FindChangePoint(std::span<const double> values) {
  if (values.size() < kChangeValuesMin) return std::nullopt;
  const double median = Median(values);
  if (median == 0) return std::nullopt;
  std::vector<double> sorted(values.begin(), values.end());
  std::sort(sorted.begin(), sorted.end());
  // Over all i before the place and j from it on: how often value i is above j, minus below.
  double difference = 0;
  double furthest = 0;
  ChangePoint found;
  for (size_t i = 0; i + 1 < values.size(); ++i) {
    const auto [low, high] = std::equal_range(sorted.begin(), sorted.end(), values[i]);
    // What value i adds against all others: those before it cancel with what they added for it.
    difference +=
        static_cast<double>(low - sorted.begin()) - static_cast<double>(sorted.end() - high);
    if (std::abs(difference) <= furthest) continue;
    furthest = std::abs(difference);
    found.place = i + 1;
  }
  const auto n = static_cast<double>(values.size());
  found.probability = std::min(1.0, 2 * std::exp(-6 * furthest * furthest / (n * n * n + n * n)));
  if (furthest == 0) return found;  // all values are the same: no place
  found.relative_change =
      (Median(values.subspan(found.place)) - Median(values.first(found.place))) / std::abs(median);
  return found;
}

}  // namespace crossover
