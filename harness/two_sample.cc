#include "harness/two_sample.h"

#include <boost/math/distributions/students_t.hpp>
#include <cmath>
#include <cstddef>

#include "base/check.h"

namespace crossover {
namespace {

constexpr double kTwoSampleTail = 0.025;  // on either side of a 95 % interval
constexpr double kLogRounding = 1e-12;    // of logarithms: less is no difference

struct LogSample {
  double mean = 0;
  double variance = 0;  // of the mean; 0 for one value
  double count = 0;
};

LogSample SummariseLogs(std::span<const double> values) {
  CHECK(!values.empty());
  LogSample sample{.mean = 0, .variance = 0, .count = static_cast<double>(values.size())};
  for (const double value : values) {
    CHECK(value > 0);
    sample.mean += std::log(value) / sample.count;
  }
  if (values.size() < 2) return sample;
  double squares = 0;
  for (const double value : values) squares += std::pow(std::log(value) - sample.mean, 2);
  sample.variance = squares / (sample.count - 1) / sample.count;
  return sample;
}

// P(Student's t > `t`).
double StudentUpperTail(double t, double degrees_of_freedom) {
  const boost::math::students_t distribution(degrees_of_freedom);
  return boost::math::cdf(boost::math::complement(distribution, t));
}

}  // namespace

TwoSampleRatio CompareSamples(std::span<const double> first, std::span<const double> second) {
  const LogSample a = SummariseLogs(first);
  const LogSample b = SummariseLogs(second);
  TwoSampleRatio result;
  result.log_ratio = b.mean - a.mean;
  result.ratio = std::exp(result.log_ratio);
  if (first.size() < 2 || second.size() < 2) return result;
  const double variance = a.variance + b.variance;
  double reach = 0;
  // Values that repeat exactly (counts, sizes): any difference between them is real.
  if (std::sqrt(variance) > kLogRounding) {
    result.standard_error = std::sqrt(variance);
    result.degrees_of_freedom =
        variance * variance /
        (a.variance * a.variance / (a.count - 1) + b.variance * b.variance / (b.count - 1));
    const boost::math::students_t distribution(result.degrees_of_freedom);
    reach = boost::math::quantile(boost::math::complement(distribution, kTwoSampleTail)) *
            result.standard_error;
  }
  result.interval95 = ConfidenceInterval{.low = std::exp(result.log_ratio - reach),
                                         .high = std::exp(result.log_ratio + reach)};
  return result;
}

double ProbabilityOfNoDifference(const TwoSampleRatio& result) {
  if (!result.interval95) return 1;
  const double distance = std::abs(result.log_ratio);
  if (result.standard_error == 0) return distance > kLogRounding ? 0 : 1;
  return 2 * StudentUpperTail(distance / result.standard_error, result.degrees_of_freedom);
}

double ProbabilityNotAbove(const TwoSampleRatio& result, double limit) {
  CHECK(limit > 0);
  if (!result.interval95) return 1;
  const double distance = result.log_ratio - std::log(limit);
  if (result.standard_error == 0) return distance > kLogRounding ? 0 : 1;
  return StudentUpperTail(distance / result.standard_error, result.degrees_of_freedom);
}

TwoSampleRatio Inverse(const TwoSampleRatio& result) {
  TwoSampleRatio inverse = result;
  inverse.log_ratio = -result.log_ratio;
  inverse.ratio = 1 / result.ratio;
  if (result.interval95) {
    inverse.interval95 =
        ConfidenceInterval{.low = 1 / result.interval95->high, .high = 1 / result.interval95->low};
  }
  return inverse;
}

}  // namespace crossover
