#include "harness/statistics/trimmed.h"

#include <algorithm>
#include <cmath>

#include "harness/statistics/moments.h"

namespace crossover {

std::vector<double> TrimmedStandIns(std::span<const double> values) {
  std::vector<double> same(values.begin(), values.end());
  const size_t n = values.size();
  if (n < kTrimmedValuesMin) return same;
  const auto cut = static_cast<size_t>(kTrimShare * static_cast<double>(n));
  const size_t left = n - 2 * cut;
  std::vector<double> sorted = same;
  std::ranges::sort(sorted);
  const double low = sorted[cut];
  const double high = sorted[n - cut - 1];
  if (low == high) return same;
  const double trimmed_mean = Mean(std::span(sorted).subspan(cut, left));
  std::vector<double> winsorized;
  for (const double value : values) winsorized.push_back(std::clamp(value, low, high));
  const double winsorized_mean = Mean(winsorized);
  // Yuen's standard error of the mean, and her degrees of freedom, against those of n plain values.
  const auto pairs = [](size_t count) { return static_cast<double>(count * (count - 1)); };
  const double scale = std::sqrt(pairs(n) / pairs(left)) *
                       StudentReach95(static_cast<double>(left - 1)) /
                       StudentReach95(static_cast<double>(n - 1));
  std::vector<double> stand_ins;
  for (const double value : winsorized) {
    stand_ins.push_back(trimmed_mean + scale * (value - winsorized_mean));
  }
  return stand_ins;
}

}  // namespace crossover
