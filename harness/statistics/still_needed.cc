#include "harness/statistics/still_needed.h"

#include <cmath>

#include "base/check.h"
#include "harness/statistics/moments.h"

namespace crossover {

std::optional<size_t> ValuesStillNeeded(const SerialMean& mean, double reach) {
  CHECK(reach > 0);
  if (mean.count < 2) return std::nullopt;
  if (mean.reach95 <= reach) return 0;
  const auto enough_with = [&](size_t values) {
    const double growth = static_cast<double>(values) / static_cast<double>(mean.count);
    return StudentReach95(mean.effective * growth - 1) * mean.standard_error / std::sqrt(growth) <=
           reach;
  };
  if (mean.count >= kValuesMax || !enough_with(kValuesMax)) return std::nullopt;
  size_t too_few = mean.count;
  size_t enough = kValuesMax;
  while (enough - too_few > 1) {
    const size_t middle = too_few + (enough - too_few) / 2;
    (enough_with(middle) ? enough : too_few) = middle;
  }
  return enough - mean.count;
}

}  // namespace crossover
