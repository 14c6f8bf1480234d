#include "harness/statistics/bootstrap.h"

#include <algorithm>
#include <boost/math/distributions/normal.hpp>
#include <cmath>
#include <numeric>
#include <vector>

#include "base/check.h"
#include "base/random.h"
#include "harness/statistics/median.h"
#include "harness/statistics/moments.h"

namespace crossover {
namespace {

// A statistic of a sample, whose values it may reorder.
using SampleStatistic = double (*)(std::vector<double>& sample);

double SampleMean(std::vector<double>& sample) { return Mean(sample); }

double SampleMedian(std::vector<double>& sample) {
  const auto middle = sample.begin() + static_cast<std::ptrdiff_t>(sample.size() / 2);
  std::nth_element(sample.begin(), middle, sample.end());
  if (sample.size() % 2 == 1) return *middle;
  return std::midpoint(*std::max_element(sample.begin(), middle), *middle);
}

std::vector<double> Resampled(std::span<const double> values, SampleStatistic statistic,
                              const BootstrapOptions& options) {
  RandomSequence random(options.seed);
  std::vector<double> sample(values.size());
  std::vector<double> statistics(options.resamples);
  for (double& result : statistics) {
    for (double& value : sample) value = values[random.Below(values.size())];
    result = statistic(sample);
  }
  return statistics;
}

// Efron's z0: where the estimate lies among the resampled statistics, in standard deviations of a
// normal distribution. Ties count half.
double Bias(const std::vector<double>& statistics, double estimate) {
  double below = 0;
  for (const double value : statistics) below += value < estimate ? 1 : value == estimate ? 0.5 : 0;
  const auto count = static_cast<double>(statistics.size());
  return boost::math::quantile(boost::math::normal(), std::clamp(below, 0.5, count - 0.5) / count);
}

// Efron's a: a sixth of the skewness of what each value contributes, by leaving it out.
double Acceleration(std::span<const double> values, SampleStatistic statistic) {
  std::vector<double> without;
  std::vector<double> sample;
  for (size_t out = 0; out < values.size(); ++out) {
    sample.assign(values.begin(), values.end());
    sample.erase(sample.begin() + static_cast<std::ptrdiff_t>(out));
    without.push_back(statistic(sample));
  }
  const double mean = Mean(without);
  double squares = 0;
  double cubes = 0;
  for (const double value : without) {
    squares += (mean - value) * (mean - value);
    cubes += std::pow(mean - value, 3);
  }
  return squares > 0 ? cubes / (6 * std::pow(squares, 1.5)) : 0;
}

std::optional<ConfidenceInterval> BcaInterval95(std::span<const double> values,
                                                SampleStatistic statistic,
                                                const BootstrapOptions& options) {
  CHECK(options.resamples > 0);
  if (values.size() < 2) return std::nullopt;
  std::vector<double> sample(values.begin(), values.end());
  const std::vector<double> statistics = Resampled(values, statistic, options);
  const double bias = Bias(statistics, statistic(sample));
  const double acceleration = Acceleration(values, statistic);
  const boost::math::normal normal;
  const auto endpoint = [&](double tail) {
    const double z = bias + boost::math::quantile(normal, tail);
    return Quantile(statistics, boost::math::cdf(normal, bias + z / (1 - acceleration * z)));
  };
  return ConfidenceInterval{.low = endpoint(kTail95), .high = endpoint(1 - kTail95)};
}

}  // namespace

std::optional<ConfidenceInterval> BcaMeanInterval95(std::span<const double> values,
                                                    const BootstrapOptions& options) {
  return BcaInterval95(values, SampleMean, options);
}

std::optional<ConfidenceInterval> BcaMedianInterval95(std::span<const double> values,
                                                      const BootstrapOptions& options) {
  return BcaInterval95(values, SampleMedian, options);
}

}  // namespace crossover
