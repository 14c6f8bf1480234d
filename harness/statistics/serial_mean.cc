#include "harness/statistics/serial_mean.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "harness/statistics/moments.h"

namespace crossover {

double EffectiveCount(std::span<const double> values) {
  const size_t n = values.size();
  const auto count = static_cast<double>(n);
  if (n < kCorrelatedValuesMin) return count;
  // Not by a variance of 0: of equal values it is off by rounding.
  if (const auto [low, high] = std::ranges::minmax(values); low == high) return count;
  const double mean = Mean(values);
  const auto covariance = [&](size_t lag) {
    double sum = 0;
    for (size_t i = lag; i < n; ++i) sum += (values[i] - mean) * (values[i - lag] - mean);
    return sum / count;
  };
  const double variance = covariance(0);
  double inflation = -1;  // of the mean's variance, against that of independent values
  for (size_t lag = 0; lag + 1 < n; lag += 2) {
    const double pair = (covariance(lag) + covariance(lag + 1)) / variance;
    if (pair <= 0) break;
    inflation += 2 * pair;
  }
  return std::clamp(count / std::max(inflation, 1.0), 2.0, count);
}

SerialMean EstimateMean(std::span<const double> values) {
  SerialMean result{
      .count = values.size(), .effective = EffectiveCount(values), .mean = Mean(values)};
  if (values.size() < 2) {
    result.standard_error = result.reach95 = std::numeric_limits<double>::infinity();
    return result;
  }
  result.standard_error = StandardDeviation(values) / std::sqrt(result.effective);
  result.reach95 = StudentReach95(result.effective - 1) * result.standard_error;
  return result;
}

}  // namespace crossover
