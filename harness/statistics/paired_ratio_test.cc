#include "harness/statistics/paired_ratio.h"

#include <gtest/gtest.h>

#include <vector>

namespace crossover {
namespace {

using Values = std::vector<double>;

// Expected: Python, with the t distribution's density integrated by Simpson's rule.
TEST(ComparePairs, GivesStudentsIntervalOnLogarithms) {
  const PairedRatio clear =
      ComparePairs(Values{18.2, 17.9, 18.6, 18.1, 17.7}, Values{10.1, 10.0, 10.3, 9.8, 10.2});
  EXPECT_NEAR(clear.ratio, 1.7956466171924517, 1e-12);
  EXPECT_NEAR(clear.interval95->low, 1.7462795829527342, 1e-9);
  EXPECT_NEAR(clear.interval95->high, 1.8464092493040198, 1e-9);
  EXPECT_NEAR(clear.probability, 5.183923e-07, 1e-10);

  const PairedRatio unclear = ComparePairs(Values{10.1, 9.8, 10.3}, Values{10.0, 10.1, 10.0});
  EXPECT_NEAR(unclear.ratio, 1.0031235665070757, 1e-12);
  EXPECT_NEAR(unclear.interval95->low, 0.9300753153373909, 1e-9);
  EXPECT_NEAR(unclear.interval95->high, 1.0819090379974758, 1e-9);
  EXPECT_NEAR(unclear.probability, 0.8754822157, 1e-8);
}

TEST(ComparePairs, UsesThePairing) {
  // The machine drifts fivefold between repetitions; the ratio within each is steady.
  const PairedRatio paired = ComparePairs(Values{11, 22.1, 54.9}, Values{10, 20, 50});
  EXPECT_NEAR(paired.ratio, 1.1, 0.01);
  EXPECT_GT(paired.interval95->low, 1.05);
  EXPECT_LT(paired.probability, 0.01);
}

TEST(ComparePairs, OfOnePairClaimsNothing) {
  const PairedRatio single = ComparePairs(Values{30}, Values{10});
  EXPECT_DOUBLE_EQ(single.ratio, 3);
  EXPECT_EQ(single.interval95, std::nullopt);
  EXPECT_EQ(single.probability, 1);
}

TEST(ComparePairs, OfExactRepetitionsNeedsNoSpread) {
  EXPECT_EQ(ComparePairs(Values{2, 2, 2}, Values{1, 1, 1}).probability, 0);
  EXPECT_EQ(ComparePairs(Values{2, 2, 2}, Values{2, 2, 2}).probability, 1);
}

TEST(ComparePairs, ReversesIntoItsInverse) {
  const Values a = {3, 4, 5};
  const Values b = {2, 2.5, 4};
  const PairedRatio forward = ComparePairs(a, b);
  const PairedRatio backward = ComparePairs(b, a);
  EXPECT_NEAR(forward.ratio * backward.ratio, 1, 1e-12);
  EXPECT_NEAR(forward.interval95->low * backward.interval95->high, 1, 1e-12);
  EXPECT_NEAR(forward.probability, backward.probability, 1e-12);
}

}  // namespace
}  // namespace crossover
