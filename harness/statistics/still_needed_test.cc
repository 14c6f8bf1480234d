#include "harness/statistics/still_needed.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "harness/statistics/moments.h"

namespace crossover {
namespace {

// The mean of `count` values with this standard deviation, of which `effective` count.
SerialMean MeanOf(size_t count, double effective, double deviation) {
  SerialMean mean = {.count = count, .effective = effective, .mean = 0.3};
  mean.standard_error = deviation / std::sqrt(effective);
  mean.reach95 = StudentReach95(effective - 1) * mean.standard_error;
  return mean;
}

// Expected: SciPy 1.10's t.ppf, tried one by one.
TEST(ValuesStillNeeded, IsTheFirstNumberThatIsEnough) {
  EXPECT_EQ(ValuesStillNeeded(MeanOf(30, 30, 0.05), 0.01), 69u);
  EXPECT_EQ(ValuesStillNeeded(MeanOf(30, 15, 0.05), 0.02), 23u);  // neighbours that correlate
  EXPECT_EQ(ValuesStillNeeded(MeanOf(30, 30, 0.05), 0.02), 0u);
}

TEST(ValuesStillNeeded, MayBeUnknownOrBeyondReach) {
  EXPECT_EQ(ValuesStillNeeded(EstimateMean(std::vector<double>{0.1}), 0.02), std::nullopt);
  EXPECT_EQ(ValuesStillNeeded(MeanOf(30, 30, 50), 0.001), std::nullopt);
}

}  // namespace
}  // namespace crossover
