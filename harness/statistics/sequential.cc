#include "harness/statistics/sequential.h"

#include <algorithm>
#include <boost/math/distributions/normal.hpp>
#include <cmath>
#include <numbers>

#include "base/check.h"
#include "harness/statistics/moments.h"

namespace crossover {

double RelativeHalfWidth(const SerialMean& logs) {
  return std::sinh(logs.reach95);  // (e^(m + r) - e^(m - r)) / 2 / e^m
}

bool IsPrecise(const SerialMean& logs, double precision) {
  return logs.count >= kPairsBeforeStopping && RelativeHalfWidth(logs) <= precision;
}

std::optional<size_t> PairsStillNeeded(const SerialMean& logs, double precision) {
  CHECK(precision > 0);
  if (logs.count < 2) return std::nullopt;
  if (IsPrecise(logs, precision)) return 0;
  const auto precise_with = [&](size_t pairs) {
    SerialMean then = logs;
    then.count = pairs;
    const double growth = static_cast<double>(pairs) / static_cast<double>(logs.count);
    then.effective = logs.effective * growth;
    then.reach95 = StudentReach95(then.effective - 1) * logs.standard_error / std::sqrt(growth);
    return IsPrecise(then, precision);
  };
  if (logs.count >= kPairsMax || !precise_with(kPairsMax)) return std::nullopt;
  size_t too_few = logs.count;
  size_t enough = kPairsMax;
  while (enough - too_few > 1) {
    const size_t middle = too_few + (enough - too_few) / 2;
    (precise_with(middle) ? enough : too_few) = middle;
  }
  return enough - logs.count;
}

double LevelAtLook(size_t look, size_t looks, double level) {
  CHECK(look >= 1 && look <= looks);
  CHECK(level > 0 && level < 1);
  const double z = boost::math::quantile(boost::math::complement(boost::math::normal(), level / 2));
  const auto spent_by = [&](size_t done) {
    if (done == 0) return 0.0;
    const double share = static_cast<double>(done) / static_cast<double>(looks);
    return std::erfc(z / std::sqrt(2 * share));
  };
  return spent_by(look) - spent_by(look - 1);
}

}  // namespace crossover
