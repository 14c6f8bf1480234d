#include "harness/statistics/trimmed.h"

#include <gmock/gmock.h>

#include <cmath>
#include <vector>

#include "harness/statistics/moments.h"

namespace crossover {
namespace {

using testing::ElementsAreArray;
using Values = std::vector<double>;

const Values kValues = {0.021,  -0.013, 0.034, 0.008, 0.052, -0.004, 0.027, 0.019,
                        -0.022, 0.041,  0.015, 0.003, 0.066, -0.009, 0.030, 0.012,
                        0.024,  -0.031, 0.047, 0.010, 0.120, 0.005};

// Expected: Yuen's formulas in Python, with R's quantile of Student's t for 13 degrees of freedom.
TEST(TrimmedStandIns, HaveTheTrimmedMeanAndYuensInterval) {
  const Values stand_ins = TrimmedStandIns(kValues);
  ASSERT_EQ(stand_ins.size(), kValues.size());
  EXPECT_NEAR(Mean(stand_ins), 0.0175, 1e-12);
  const double error = StandardDeviation(stand_ins) / std::sqrt(22.0);
  EXPECT_NEAR(error * StudentReach95(21), 0.01260371253249058, 1e-12);
}

TEST(TrimmedStandIns, DoNotHearOneValueThatIsFarOut) {
  Values far = kValues;
  far[20] = 12;  // was 0.120, the largest
  const Values before = TrimmedStandIns(kValues);
  const Values after = TrimmedStandIns(far);
  for (size_t i = 0; i < before.size(); ++i) EXPECT_NEAR(after[i], before[i], 1e-12);
}

TEST(TrimmedStandIns, AreSymmetric) {
  Values negative;
  for (const double value : kValues) negative.push_back(-value);
  const Values own = TrimmedStandIns(kValues);
  const Values other = TrimmedStandIns(negative);
  for (size_t i = 0; i < own.size(); ++i) EXPECT_NEAR(own[i], -other[i], 1e-12);
}

TEST(TrimmedStandIns, OfFewOrEqualValuesAreThose) {
  const Values few = {1, 5, 2};
  EXPECT_THAT(TrimmedStandIns(few), ElementsAreArray(few));
  Values equal(20, 3.0);
  equal[7] = 4;
  EXPECT_THAT(TrimmedStandIns(equal), ElementsAreArray(equal));
  EXPECT_TRUE(TrimmedStandIns({}).empty());
}

}  // namespace
}  // namespace crossover
