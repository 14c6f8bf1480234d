#include "harness/statistics/serial_mean.h"

#include <gtest/gtest.h>

#include <limits>
#include <vector>

namespace crossover {
namespace {

using Values = std::vector<double>;

// Expected: R 4.2, from acf(), qt() and Geyer's sums.
TEST(SerialMean, OfASlowWaveIsUnsure) {
  const Values wave = {0.1, 0.3, 0.4,  0.6,  0.5,  0.7,  0.6,  0.4,  0.5, 0.2,
                       0.1, 0.0, -0.2, -0.1, -0.3, -0.4, -0.2, -0.3, 0.0, 0.1,
                       0.2, 0.4, 0.3,  0.6,  0.7,  0.5,  0.4,  0.3,  0.1, -0.1};
  EXPECT_NEAR(EffectiveCount(wave), 5.665169315825846, 1e-12);
  const SerialMean mean = EstimateMean(wave);
  EXPECT_EQ(mean.count, 30u);
  EXPECT_EQ(mean.effective, EffectiveCount(wave));
  EXPECT_NEAR(mean.mean, 0.2133333333333333, 1e-12);
  EXPECT_NEAR(mean.standard_error, 0.1331953308813127, 1e-12);
  EXPECT_NEAR(mean.reach95, 0.3499145390246430, 1e-9);
}

// Expected: R 4.2; the first autocorrelation is -0.44, so that the interval is the ordinary one.
TEST(SerialMean, OfNeighboursThatDifferIsTakenAsOfIndependentOnes) {
  const Values values = {0.021,  -0.013, 0.034, 0.008, 0.052, -0.004, 0.027, 0.019,
                         -0.022, 0.041,  0.015, 0.003, 0.066, -0.009, 0.030, 0.012,
                         0.024,  -0.031, 0.047, 0.010, 0.120, 0.005};
  const SerialMean mean = EstimateMean(values);
  EXPECT_EQ(mean.effective, 22);
  EXPECT_NEAR(mean.standard_error, 0.006960117169373862, 1e-12);
  EXPECT_NEAR(mean.reach95, 0.014474356026356714, 1e-9);
}

TEST(EffectiveCount, OfASteepTrendIsNeverBelowTwo) {
  Values values;
  for (int i = 0; i < 10; ++i) values.push_back(i < 5 ? 0 : 1);
  EXPECT_GE(EffectiveCount(values), 2);
  EXPECT_LT(EffectiveCount(values), 5);
}

TEST(EffectiveCount, OfFewOrEqualValuesIsTheirNumber) {
  EXPECT_EQ(EffectiveCount(Values{1, 1, 1, 1, 2, 2, 2, 2, 2}), 9);
  EXPECT_LT(EffectiveCount(Values{1, 1, 1, 1, 1, 2, 2, 2, 2, 2}), 10);
  EXPECT_EQ(EffectiveCount(Values(50, 3.0)), 50);
}

TEST(SerialMean, OfOneValueIsUnknown) {
  const SerialMean mean = EstimateMean(Values{3});
  EXPECT_EQ(mean.mean, 3);
  EXPECT_EQ(mean.reach95, std::numeric_limits<double>::infinity());
}

}  // namespace
}  // namespace crossover
