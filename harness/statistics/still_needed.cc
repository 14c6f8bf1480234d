#include "harness/statistics/still_needed.h"

#include <cmath>

#include "base/check.h"
#include "harness/statistics/moments.h"

namespace crossover {

std::optional<size_t> ValuesStillNeeded(std::span<const double> values, double reach) {
  CHECK(reach > 0);
  const size_t there = values.size();
  if (there < 2) return std::nullopt;
  const double deviation = StandardDeviation(values);
  const auto is_enough = [&](size_t count) {
    const auto n = static_cast<double>(count);
    return StudentReach95(n - 1) * deviation / std::sqrt(n) <= reach;
  };
  if (is_enough(there)) return 0;
  if (there >= kValuesMax || !is_enough(kValuesMax)) return std::nullopt;
  size_t too_few = there;
  size_t enough = kValuesMax;
  while (enough - too_few > 1) {
    const size_t middle = too_few + (enough - too_few) / 2;
    (is_enough(middle) ? enough : too_few) = middle;
  }
  return enough - there;
}

}  // namespace crossover
