#include "harness/two_sample.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

namespace crossover {
namespace {

const std::vector<double> kFirst = {20.0, 20.4, 19.7, 20.1, 20.9};
const std::vector<double> kSecond = {21.3, 21.0, 21.9, 20.8, 21.6};

// The expected figures are scipy 1.10's: ttest_ind(log b, log a, equal_var=False), t.ppf, t.sf.
TEST(TwoSample, AgreesWithAnotherImplementation) {
  const TwoSampleRatio result = CompareSamples(kFirst, kSecond);
  EXPECT_NEAR(result.ratio, 1.0544312615, 1e-9);
  EXPECT_NEAR(result.standard_error, 0.013667811780, 1e-11);
  EXPECT_NEAR(result.degrees_of_freedom, 7.9564294779, 1e-8);
  ASSERT_TRUE(result.interval95);
  EXPECT_NEAR(result.interval95->low, 1.0216852137, 1e-9);
  EXPECT_NEAR(result.interval95->high, 1.0882268532, 1e-9);
  EXPECT_NEAR(ProbabilityOfNoDifference(result), 0.00473862931515, 1e-10);
  EXPECT_NEAR(ProbabilityNotAbove(result, 1.03), 0.0624301480098, 1e-10);
}

TEST(TwoSample, TakesSamplesOfDifferentSizeAndSpread) {
  const TwoSampleRatio few =
      CompareSamples(std::vector<double>{10, 12}, std::vector<double>{11, 15, 13, 18});
  EXPECT_NEAR(few.ratio, 1.2796297470, 1e-9);
  EXPECT_NEAR(few.degrees_of_freedom, 3.4041154573, 1e-8);
  ASSERT_TRUE(few.interval95);
  EXPECT_NEAR(few.interval95->low, 0.8461908603, 1e-9);
  EXPECT_NEAR(few.interval95->high, 1.9350862390, 1e-9);
  EXPECT_NEAR(ProbabilityOfNoDifference(few), 0.162796288042, 1e-10);
  const TwoSampleRatio uneven =
      CompareSamples(std::vector<double>{100, 101, 99}, std::vector<double>{100, 130, 80, 95});
  EXPECT_NEAR(uneven.degrees_of_freedom, 3.0197831129, 1e-8);
  EXPECT_NEAR(ProbabilityOfNoDifference(uneven), 0.97819826646, 1e-9);
  EXPECT_NEAR(ProbabilityNotAbove(uneven, 1.03), 0.616203578491, 1e-10);
}

TEST(TwoSample, OneValueOnASideHasNoInterval) {
  const TwoSampleRatio result =
      CompareSamples(std::vector<double>{10}, std::vector<double>{20, 21});
  EXPECT_NEAR(result.ratio, 2.0493901532, 1e-9);  // sqrt(20 x 21) / 10
  EXPECT_FALSE(result.interval95);
  EXPECT_EQ(ProbabilityOfNoDifference(result), 1);
  EXPECT_EQ(ProbabilityNotAbove(result, 1.03), 1);
}

TEST(TwoSample, ValuesThatRepeatExactly) {
  const TwoSampleRatio same =
      CompareSamples(std::vector<double>{7, 7, 7}, std::vector<double>{7, 7});
  EXPECT_EQ(ProbabilityOfNoDifference(same), 1);
  EXPECT_EQ(ProbabilityNotAbove(same, 1), 1);
  const TwoSampleRatio twice =
      CompareSamples(std::vector<double>{7, 7, 7}, std::vector<double>{14, 14});
  EXPECT_NEAR(twice.interval95->low, 2, 1e-12);
  EXPECT_NEAR(twice.interval95->high, 2, 1e-12);
  EXPECT_EQ(ProbabilityOfNoDifference(twice), 0);
  EXPECT_EQ(ProbabilityNotAbove(twice, 1.9), 0);
  EXPECT_EQ(ProbabilityNotAbove(twice, 2.1), 1);
}

TEST(TwoSample, TheInverseIsTheComparisonTheOtherWayRound) {
  const TwoSampleRatio there = CompareSamples(kSecond, kFirst);
  const TwoSampleRatio inverse = Inverse(CompareSamples(kFirst, kSecond));
  EXPECT_NEAR(inverse.ratio, there.ratio, 1e-12);
  EXPECT_NEAR(inverse.interval95->low, there.interval95->low, 1e-12);
  EXPECT_NEAR(inverse.interval95->high, there.interval95->high, 1e-12);
  EXPECT_NEAR(ProbabilityNotAbove(inverse, 1), ProbabilityNotAbove(there, 1), 1e-12);
}

TEST(TwoSample, IntervalsOfFiveCoverTheTruth) {
  constexpr int kTrials = 4000;
  std::mt19937_64 random(1);
  std::normal_distribution<double> narrow(0, 0.02);
  std::normal_distribution<double> wide(0, 0.06);
  int covered = 0;
  for (int i = 0; i < kTrials; ++i) {
    std::vector<double> first;
    std::vector<double> second;
    for (int k = 0; k < 5; ++k) {
      first.push_back(10 * std::exp(narrow(random)));
      second.push_back(11 * std::exp(wide(random)));
    }
    const TwoSampleRatio result = CompareSamples(first, second);
    if (result.interval95->low <= 1.1 && 1.1 <= result.interval95->high) ++covered;
  }
  // Standard error of the share: 0.35 %.
  EXPECT_GT(covered, kTrials * 0.94);
  EXPECT_LT(covered, kTrials * 0.97);
}

}  // namespace
}  // namespace crossover
