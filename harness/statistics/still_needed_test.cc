#include "harness/statistics/still_needed.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace crossover {
namespace {

// 30 values with this standard deviation.
std::vector<double> ThirtyValues(double deviation) {
  std::vector<double> values;
  for (int i = 0; i < 30; ++i) {
    values.push_back(0.3 + (i % 2 == 0 ? 1 : -1) * deviation * std::sqrt(29.0 / 30));
  }
  return values;
}

// Expected: SciPy 1.10's t.ppf, tried one by one.
TEST(ValuesStillNeeded, IsTheFirstNumberThatIsEnough) {
  EXPECT_EQ(ValuesStillNeeded(ThirtyValues(0.05), 0.01), 69u);
  EXPECT_EQ(ValuesStillNeeded(ThirtyValues(0.05), 0.02), 0u);
}

TEST(ValuesStillNeeded, MayBeUnknownOrBeyondReach) {
  EXPECT_EQ(ValuesStillNeeded(std::vector<double>{0.1}, 0.02), std::nullopt);
  EXPECT_EQ(ValuesStillNeeded(ThirtyValues(50), 0.001), std::nullopt);
}

}  // namespace
}  // namespace crossover
