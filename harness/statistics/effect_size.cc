#include "harness/statistics/effect_size.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "harness/statistics/moments.h"

namespace crossover {

double CohensDz(std::span<const double> differences) {
  if (differences.size() < 2) return 0;
  const double mean = Mean(differences);
  if (mean == 0) return 0;
  // Not by the deviation's being 0: of equal values that is off by rounding.
  const auto [low, high] = std::ranges::minmax(differences);
  if (low == high) return std::copysign(std::numeric_limits<double>::infinity(), mean);
  return mean / StandardDeviation(differences);
}

double Superiority(std::span<const double> differences) {
  if (differences.empty()) return 0.5;
  double wins = 0;
  for (const double difference : differences)
    wins += difference > 0 ? 1 : difference == 0 ? 0.5 : 0;
  return wins / static_cast<double>(differences.size());
}

}  // namespace crossover
