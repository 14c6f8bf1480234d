#include "harness/statistics/moments.h"

#include <boost/math/distributions/students_t.hpp>
#include <cmath>
#include <numeric>

#include "base/check.h"
#include "harness/statistics/confidence_interval.h"

namespace crossover {

double Mean(std::span<const double> values) {
  CHECK(!values.empty());
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

double StandardDeviation(std::span<const double> values) {
  CHECK(values.size() >= 2);
  const double mean = Mean(values);
  double squares = 0;
  for (const double value : values) squares += (value - mean) * (value - mean);
  return std::sqrt(squares / static_cast<double>(values.size() - 1));
}

double StudentReach95(double freedom) {
  return boost::math::quantile(boost::math::complement(boost::math::students_t(freedom), kTail95));
}

}  // namespace crossover
