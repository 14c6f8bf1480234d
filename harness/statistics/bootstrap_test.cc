#include "harness/statistics/bootstrap.h"

#include <gtest/gtest.h>

#include <vector>

namespace crossover {
namespace {

using Values = std::vector<double>;

const Values kSkewed = {0.021,  -0.013, 0.034, 0.008, 0.052, -0.004, 0.027, 0.019,
                        -0.022, 0.041,  0.015, 0.003, 0.066, -0.009, 0.030, 0.012,
                        0.024,  -0.031, 0.047, 0.010, 0.120, 0.005};

const BootstrapOptions kMany = {.seed = 1, .resamples = 100'000};

// Expected: SciPy 1.10, scipy.stats.bootstrap(method='BCa', n_resamples=400000). R 4.2's boot.ci
// with the jackknife's influences gives 0.009409 and 0.036864 for the first.
TEST(BcaMean, EqualsOtherImplementations) {
  const auto all = BcaMeanInterval95(kSkewed, kMany);
  ASSERT_TRUE(all);
  EXPECT_NEAR(all->low, 0.0094545, 0.0002);
  EXPECT_NEAR(all->high, 0.0369091, 0.0002);
  const auto few = BcaMeanInterval95(Values(kSkewed.begin(), kSkewed.begin() + 8), kMany);
  ASSERT_TRUE(few);
  EXPECT_NEAR(few->low, 0.004625, 0.0002);
  EXPECT_NEAR(few->high, 0.031625, 0.0002);
}

TEST(Bca, HangsOnTheSeedAlone) {
  EXPECT_EQ(BcaMeanInterval95(kSkewed, {.seed = 3}), BcaMeanInterval95(kSkewed, {.seed = 3}));
  EXPECT_NE(BcaMeanInterval95(kSkewed, {.seed = 3}), BcaMeanInterval95(kSkewed, {.seed = 4}));
}

TEST(Bca, OfOneValueIsUnknown) {
  EXPECT_EQ(BcaMeanInterval95(Values{7}), std::nullopt);
  EXPECT_EQ(BcaMeanInterval95({}), std::nullopt);
}

TEST(Bca, OfValuesWithoutSpreadIsAPoint) {
  const ConfidenceInterval point = {.low = 5, .high = 5};
  EXPECT_EQ(BcaMeanInterval95(Values(12, 5.0)), point);
}

}  // namespace
}  // namespace crossover
