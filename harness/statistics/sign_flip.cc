#include "harness/statistics/sign_flip.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "base/check.h"
#include "base/random.h"

namespace crossover {
namespace {

// The sum with the sign of value i turned where bit i is set. At most 64 values.
double FlippedSum(std::span<const double> values, uint64_t bits) {
  double sum = 0;
  for (const double value : values) {
    sum += (bits & 1) != 0 ? -value : value;
    bits >>= 1;
  }
  return sum;
}

// Of all sign vectors in which the first value keeps its sign: the others are their mirror images.
std::vector<double> HalfOfAllSums(std::span<const double> values) {
  std::vector<double> sums = {values.front()};
  for (const double value : values.subspan(1)) {
    const size_t before = sums.size();
    sums.resize(2 * before);
    for (size_t i = 0; i < before; ++i) {
      sums[before + i] = sums[i] - value;
      sums[i] += value;
    }
  }
  return sums;
}

double RandomlyFlippedSum(std::span<const double> values, RandomSequence& random) {
  double sum = 0;
  for (size_t begin = 0; begin < values.size(); begin += 64) {
    sum += FlippedSum(values.subspan(begin, std::min<size_t>(64, values.size() - begin)),
                      random.Bits());
  }
  return sum;
}

}  // namespace

double SignFlipProbability(std::span<const double> values, const SignFlipOptions& options) {
  CHECK(options.shrink > 0 && options.shrink <= 1);
  if (values.empty()) return 1;
  double size = 0;
  for (const double value : values) size += std::abs(value);
  // Sums that are equal but for rounding count as equal.
  const double seen =
      std::abs(std::accumulate(values.begin(), values.end(), 0.0)) * options.shrink - 1e-12 * size;
  size_t as_far = 0;
  if (values.size() <= kExactSignsMax) {
    const std::vector<double> sums = HalfOfAllSums(values);
    as_far = static_cast<size_t>(
        std::ranges::count_if(sums, [&](double sum) { return std::abs(sum) >= seen; }));
    return static_cast<double>(as_far) / static_cast<double>(sums.size());
  }
  RandomSequence random(options.seed);
  for (size_t i = 0; i < options.vectors; ++i) {
    if (std::abs(RandomlyFlippedSum(values, random)) >= seen) ++as_far;
  }
  return static_cast<double>(as_far + 1) / static_cast<double>(options.vectors + 1);
}

}  // namespace crossover
