#include "harness/statistics/sign_flip.h"

#include <gtest/gtest.h>

#include <vector>

namespace crossover {
namespace {

using Values = std::vector<double>;

// Expected: SciPy 1.10, scipy.stats.permutation_test(permutation_type='samples'), all sign vectors,
// of the absolute sum.
TEST(SignFlip, TriesAllSignsOfFewValues) {
  const Values values = {0.021,  -0.013, 0.034, 0.008, 0.052, -0.004, 0.027, 0.019,
                         -0.022, 0.041,  0.015, 0.003, 0.066, -0.009, 0.030, 0.012};
  EXPECT_DOUBLE_EQ(SignFlipProbability(values), 0.010406494140625);
  EXPECT_DOUBLE_EQ(SignFlipProbability(Values(values.begin(), values.begin() + 10)), 0.0625);
  EXPECT_DOUBLE_EQ(SignFlipProbability(Values(values.begin(), values.begin() + 5)), 0.1875);
}

// Expected: likewise, over all 2^20 of them. Four standard errors of 200,000 draws.
TEST(SignFlip, DrawsSignsOfMany) {
  const Values values = {0.010,  -0.012, 0.031,  0.004, -0.020, 0.015,  0.008,
                         -0.006, 0.022,  -0.017, 0.012, 0.003,  -0.009, 0.018,
                         0.001,  -0.004, 0.011,  0.006, -0.013, 0.014};
  EXPECT_NEAR(SignFlipProbability(values, {.vectors = 200'000}), 0.245458602905, 0.004);
}

TEST(SignFlip, IsNeverZero) {
  EXPECT_DOUBLE_EQ(SignFlipProbability(Values(5, 0.3)), 2.0 / 32);
  // 100 values: more than the 64 signs that are drawn at once.
  EXPECT_DOUBLE_EQ(SignFlipProbability(Values(100, 0.3), {.vectors = 999}), 0.001);
  EXPECT_DOUBLE_EQ(SignFlipProbability(Values(100, -0.3), {.vectors = 999}), 0.001);
}

TEST(SignFlip, OfNothingIsOne) {
  EXPECT_EQ(SignFlipProbability({}), 1);
  EXPECT_EQ(SignFlipProbability(Values{0.4}), 1);
  EXPECT_EQ(SignFlipProbability(Values(10, 0.0)), 1);
  EXPECT_EQ(SignFlipProbability(Values(40, 0.0)), 1);
}

TEST(SignFlip, CountsSumsThatDifferByRoundingAsEqual) {
  // 0.1 + 0.2 - 0.3 is not 0 in doubles. By hand: sums are +-0.6, +-0.4, +-0.2, 0; that seen is 0.
  EXPECT_EQ(SignFlipProbability(Values{0.1, 0.2, -0.3}), 1);
}

TEST(SignFlip, ShrunkSumsTellLess) {
  // By hand: 2 + 1 + 1 = 4 is reached by 2 of 8; 0.6 x 4 = 2.4 by the same; 0.5 x 4 = 2 by 2 and 4
  // more.
  const Values values = {2, 1, 1};
  EXPECT_DOUBLE_EQ(SignFlipProbability(values), 0.25);
  EXPECT_DOUBLE_EQ(SignFlipProbability(values, {.shrink = 0.6}), 0.25);
  EXPECT_DOUBLE_EQ(SignFlipProbability(values, {.shrink = 0.5}), 0.75);
}

}  // namespace
}  // namespace crossover
