#include "harness/statistics/bootstrap.h"

#include <algorithm>
#include <boost/math/distributions/normal.hpp>
#include <cmath>
#include <vector>

#include "base/check.h"
#include "base/random.h"
#include "harness/statistics/median.h"
#include "harness/statistics/moments.h"

namespace crossover {
namespace {

std::vector<double> ResampledMeans(std::span<const double> values,
                                   const BootstrapOptions& options) {
  RandomSequence random(options.seed);
  std::vector<double> sample(values.size());
  std::vector<double> means(options.resamples);
  for (double& mean : means) {
    for (double& value : sample) value = values[random.Below(values.size())];
    mean = Mean(sample);
  }
  return means;
}

// Efron's z0: where the estimate lies among the resampled means, in standard deviations of a
// normal distribution. Ties count half.
double Bias(const std::vector<double>& means, double estimate) {
  double below = 0;
  for (const double value : means) below += value < estimate ? 1 : value == estimate ? 0.5 : 0;
  const auto count = static_cast<double>(means.size());
  return boost::math::quantile(boost::math::normal(), std::clamp(below, 0.5, count - 0.5) / count);
}

// Efron's a: a sixth of the skewness of what each value contributes, by leaving it out.
double Acceleration(std::span<const double> values) {
  std::vector<double> without;
  std::vector<double> sample;
  for (size_t out = 0; out < values.size(); ++out) {
    sample.assign(values.begin(), values.end());
    sample.erase(sample.begin() + static_cast<std::ptrdiff_t>(out));
    without.push_back(Mean(sample));
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

}  // namespace

std::optional<ConfidenceInterval> BcaMeanInterval95(std::span<const double> values,
                                                    const BootstrapOptions& options) {
  CHECK(options.resamples > 0);
  if (values.size() < 2) return std::nullopt;
  const std::vector<double> means = ResampledMeans(values, options);
  const double bias = Bias(means, Mean(values));
  const double acceleration = Acceleration(values);
  const boost::math::normal normal;
  const auto endpoint = [&](double tail) {
    const double z = bias + boost::math::quantile(normal, tail);
    return Quantile(means, boost::math::cdf(normal, bias + z / (1 - acceleration * z)));
  };
  return ConfidenceInterval{.low = endpoint(kTail95), .high = endpoint(1 - kTail95)};
}

}  // namespace crossover
