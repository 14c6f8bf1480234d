#include "harness/statistics/paired_ratio.h"

#include <boost/math/distributions/students_t.hpp>
#include <cmath>

#include "base/check.h"
#include "harness/statistics/moments.h"

namespace crossover {

PairedRatio ComparePairs(std::span<const double> numerators, std::span<const double> denominators) {
  const std::vector<double> logs = LogRatios(numerators, denominators);
  const double mean = Mean(logs);
  PairedRatio result;
  result.ratio = std::exp(mean);
  if (logs.size() < 2) return result;
  const auto n = static_cast<double>(logs.size());
  const double error = StandardDeviation(logs) / std::sqrt(n);
  const double reach = StudentReach95(n - 1) * error;
  result.interval95 =
      ConfidenceInterval{.low = std::exp(mean - reach), .high = std::exp(mean + reach)};
  if (error > 0) {
    const boost::math::students_t distribution(n - 1);
    const double t = std::abs(mean) / error;
    result.probability = 2 * boost::math::cdf(boost::math::complement(distribution, t));
  } else {
    // Values that repeat exactly (counts, sizes): any difference between them is real.
    result.probability = mean == 0 ? 1 : 0;
  }
  return result;
}

std::vector<double> LogRatios(std::span<const double> numerators,
                              std::span<const double> denominators) {
  CHECK(numerators.size() == denominators.size());
  std::vector<double> logs;
  for (size_t i = 0; i < numerators.size(); ++i) {
    CHECK(numerators[i] > 0 && denominators[i] > 0);
    logs.push_back(std::log(numerators[i]) - std::log(denominators[i]));
  }
  return logs;
}

}  // namespace crossover
