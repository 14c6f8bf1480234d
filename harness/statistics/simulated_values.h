// For tests: series of random values whose distribution is known.
#pragma once

#include <cmath>
#include <cstddef>
#include <numbers>
#include <vector>

#include "base/random.h"

namespace crossover {

// Standard normal (Box and Muller).
inline double NormalValue(RandomSequence& random) {
  const double radius = std::sqrt(-2 * std::log(random.Uniform()));
  return radius * std::cos(2 * std::numbers::pi * random.Uniform());
}

// Student's t with 3 degrees of freedom: heavy tails, with a variance of 3 that samples rarely
// show.
inline double HeavyTailedValue(RandomSequence& random) {
  double squares = 0;
  for (int i = 0; i < 3; ++i) squares += std::pow(NormalValue(random), 2);
  return NormalValue(random) / std::sqrt(squares / 3);
}

inline std::vector<double> NormalValues(size_t count, RandomSequence& random) {
  std::vector<double> values(count);
  for (double& value : values) value = NormalValue(random);
  return values;
}

inline std::vector<double> HeavyTailedValues(size_t count, RandomSequence& random) {
  std::vector<double> values(count);
  for (double& value : values) value = HeavyTailedValue(random);
  return values;
}

// Normal, stationary, neighbours correlated by `correlation`: an AR(1) process.
inline std::vector<double> CorrelatedValues(size_t count, double correlation,
                                            RandomSequence& random) {
  std::vector<double> values = {NormalValue(random)};
  const double fresh = std::sqrt(1 - correlation * correlation);
  while (values.size() < count) {
    values.push_back(correlation * values.back() + fresh * NormalValue(random));
  }
  return values;
}

}  // namespace crossover
