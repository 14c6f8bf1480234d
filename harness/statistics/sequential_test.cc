#include "harness/statistics/sequential.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "harness/statistics/moments.h"

namespace crossover {
namespace {

// Of `count` logarithms of ratios with this standard deviation, of which `effective` count.
SerialMean Logs(size_t count, double effective, double deviation) {
  SerialMean logs = {.count = count, .effective = effective, .mean = 0.3};
  logs.standard_error = deviation / std::sqrt(effective);
  logs.reach95 = StudentReach95(effective - 1) * logs.standard_error;
  return logs;
}

TEST(RelativeHalfWidth, IsThatOfTheRatiosInterval) {
  const SerialMean logs = {.count = 40, .effective = 40, .mean = 0.7, .reach95 = 0.1};
  const double ratio = std::exp(0.7);
  EXPECT_NEAR(RelativeHalfWidth(logs), (std::exp(0.8) - std::exp(0.6)) / 2 / ratio, 1e-12);
}

TEST(IsPrecise, WantsANarrowIntervalOfEnoughPairs) {
  EXPECT_TRUE(IsPrecise(Logs(20, 20, 0.01), 0.01));
  EXPECT_FALSE(IsPrecise(Logs(19, 19, 0.01), 0.01));  // narrow by chance, perhaps
  EXPECT_FALSE(IsPrecise(Logs(20, 20, 0.03), 0.01));
}

// Expected: SciPy 1.10's t.ppf, tried one by one.
TEST(PairsStillNeeded, IsTheFirstNumberThatIsEnough) {
  EXPECT_EQ(PairsStillNeeded(Logs(30, 30, 0.05), 0.01), 69u);
  EXPECT_EQ(PairsStillNeeded(Logs(30, 15, 0.05), 0.02), 23u);  // neighbours that correlate
  EXPECT_EQ(PairsStillNeeded(Logs(30, 30, 0.05), 0.02), 0u);
  EXPECT_EQ(PairsStillNeeded(Logs(5, 5, 0.001), 0.02), kPairsBeforeStopping - 5);
}

TEST(PairsStillNeeded, MayBeUnknownOrBeyondReach) {
  EXPECT_EQ(PairsStillNeeded(EstimateMean(std::vector<double>{0.1}), 0.02), std::nullopt);
  EXPECT_EQ(PairsStillNeeded(Logs(30, 30, 50), 0.001), std::nullopt);
}

// Expected: SciPy 1.10's norm, by the formula of Lan and DeMets; the sum is the level by design.
TEST(LevelAtLook, SpendsLittleAtFirstAndAllByTheEnd) {
  const double expected[] = {1.172644684252109e-05, 0.0019301865498983274, 0.00945450546857231,
                             0.017033212287759506, 0.02157036924692729};
  double sum = 0;
  for (size_t look = 1; look <= 5; ++look) {
    EXPECT_NEAR(LevelAtLook(look, 5, 0.05), expected[look - 1], 1e-12);
    sum += LevelAtLook(look, 5, 0.05);
  }
  EXPECT_NEAR(sum, 0.05, 1e-12);
  EXPECT_NEAR(LevelAtLook(1, 1, 0.01), 0.01, 1e-12);
}

}  // namespace
}  // namespace crossover
