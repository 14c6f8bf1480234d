#include "harness/statistics/warm_up.h"

#include <limits>
#include <vector>

#include "harness/statistics/moments.h"

namespace crossover {

std::optional<size_t> WarmUpLength(std::span<const double> values) {
  std::vector<double> batches;
  for (size_t begin = 0; begin + kWarmUpBatch <= values.size(); begin += kWarmUpBatch) {
    batches.push_back(Mean(values.subspan(begin, kWarmUpBatch)));
  }
  if (batches.size() < kWarmUpBatchesMin) return std::nullopt;
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
  return best * kWarmUpBatch;
}

}  // namespace crossover
