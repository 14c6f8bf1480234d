#include "harness/statistics/warm_up.h"

#include <limits>
#include <vector>

#include "harness/statistics/moments.h"

namespace crossover {

std::optional<size_t> WarmUpLength(std::span<const double> values) {
  const size_t size = values.size() / kWarmUpBatches;
  if (size == 0) return std::nullopt;
  std::vector<double> batches;
  for (size_t begin = 0; begin + size <= values.size(); begin += size) {
    batches.push_back(Mean(values.subspan(begin, size)));
  }
  const size_t last = batches.size() / 2;
  size_t best = 0;
  double smallest = std::numeric_limits<double>::infinity();
  for (size_t left_out = 0; left_out <= last; ++left_out) {
    const std::span<const double> rest = std::span(batches).subspan(left_out);
    // The squared standard error but for (m - 1) / m, which White leaves out.
    const double mean = Mean(rest);
    double squares = 0;
    for (const double value : rest) squares += (value - mean) * (value - mean);
    const auto count = static_cast<double>(rest.size());
    const double error = squares / (count * count);
    if (error >= smallest) continue;
    smallest = error;
    best = left_out;
  }
  if (best == last) return std::nullopt;
  return best * size;
}

}  // namespace crossover
