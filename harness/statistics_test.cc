#include "harness/statistics.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace crossover {
namespace {

using Values = std::vector<double>;

TEST(Quantile, InterpolatesBetweenOrderStatistics) {
  // Type 7, by hand: position = p x (n - 1) in the ascending order.
  const Values values = {40, 10, 30, 20};
  EXPECT_DOUBLE_EQ(Quantile(values, 0), 10);
  EXPECT_DOUBLE_EQ(Quantile(values, 0.25), 17.5);
  EXPECT_DOUBLE_EQ(Quantile(values, 0.9), 37);
  EXPECT_DOUBLE_EQ(Quantile(values, 1), 40);
}

TEST(Median, OfOddEvenAndSingle) {
  EXPECT_DOUBLE_EQ(Median(Values{3, 1, 2}), 2);
  EXPECT_DOUBLE_EQ(Median(Values{4, 1, 2, 3}), 2.5);
  EXPECT_DOUBLE_EQ(Median(Values{7}), 7);
}

TEST(MedianInterval, OfOneValueIsUnknown) {
  EXPECT_EQ(MedianInterval95(Values{7}), std::nullopt);
  EXPECT_EQ(MedianInterval95({}), std::nullopt);
}

// Expected: all n^n resamples enumerated one by one (Python, itertools.product and fractions), the
// outermost medians cut off while at most 2.5 % lie beyond them.
TEST(MedianInterval, EqualsTheEnumerationOfAllResamples) {
  struct Case {
    Values values;
    ConfidenceInterval expected;
  };
  const std::vector<Case> cases = {
      {{3, 1}, {1, 3}},
      {{1, 2, 4}, {1, 4}},
      {{1, 2, 4, 8}, {1, 8}},
      {{17, 10, 25, 11, 13}, {10, 25}},
      {{1, 2, 4, 8, 16, 32}, {1.5, 24}},
      {{1, 2, 4, 8, 16, 32, 64}, {2, 32}},
      {{5, 5, 5, 5}, {5, 5}},
      {{1, 1, 1, 1, 9}, {1, 9}},
  };
  for (const Case& c : cases) {
    const auto interval = MedianInterval95(c.values);
    ASSERT_TRUE(interval);
    EXPECT_DOUBLE_EQ(interval->low, c.expected.low) << c.values.size();
    EXPECT_DOUBLE_EQ(interval->high, c.expected.high) << c.values.size();
  }
}

TEST(MedianInterval, OfManyValuesNarrowsToTheRanksOfTheBinomial) {
  // For large n the interval runs between ranks n/2 -+ 0.98 sqrt(n): about 469 and 531 of 1000.
  Values values;
  for (int i = 1; i <= 1000; ++i) values.push_back(i);
  const auto interval = MedianInterval95(values);
  ASSERT_TRUE(interval);
  EXPECT_NEAR(interval->low, 500.5 - 0.98 * std::sqrt(1000), 2);
  EXPECT_NEAR(interval->high, 500.5 + 0.98 * std::sqrt(1000), 2);
  values.pop_back();  // odd: the other formula
  const auto odd = MedianInterval95(values);
  ASSERT_TRUE(odd);
  EXPECT_NEAR(odd->low, interval->low, 2);
  EXPECT_NEAR(odd->high, interval->high, 2);
}

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

TEST(Holm, StepsDownUntilTheFirstThatFails) {
  // By hand, level 0.05 of 4: held against 0.0125, 0.0167, 0.025, 0.05 in ascending order.
  EXPECT_EQ(HolmRejections(Values{0.04, 0.001, 0.03, 0.016}, 0.05),
            (std::vector<bool>{false, true, false, true}));
  // 0.02 would pass at its own step (0.025), but 0.017 before it has failed.
  EXPECT_EQ(HolmRejections(Values{0.001, 0.017, 0.02, 0.9}, 0.05),
            (std::vector<bool>{true, false, false, false}));
  // All pass, the last one at the full level.
  EXPECT_EQ(HolmRejections(Values{0.05, 0.025}, 0.05), (std::vector<bool>{true, true}));
  EXPECT_TRUE(HolmRejections({}, 0.05).empty());
}

// Expected: Python, from the formulas of Mann-Kendall and Theil-Sen.
TEST(Trend, OfAKnownSeries) {
  const auto up = FindTrend(Values{100, 102, 101, 105, 104, 108, 107, 110, 112, 111});
  ASSERT_TRUE(up);
  EXPECT_NEAR(up->probability, 0.0012821837418053074, 1e-12);
  EXPECT_NEAR(up->relative_change, 0.12129380053908356, 1e-12);
  const auto down = FindTrend(Values{120, 118, 110, 111, 100, 99, 90, 91, 80, 82});
  ASSERT_TRUE(down);
  EXPECT_NEAR(down->probability, 0.0006767641801210475, 1e-12);
  EXPECT_NEAR(down->relative_change, -0.4371859296482412, 1e-12);
}

TEST(Trend, CorrectsForTies) {
  const auto flat = FindTrend(Values{100, 100, 99, 101, 100, 98, 102, 100, 100, 101});
  ASSERT_TRUE(flat);
  EXPECT_NEAR(flat->probability, 0.49925404530259765, 1e-12);
  EXPECT_EQ(flat->relative_change, 0);
  const auto constant = FindTrend(Values(10, 5.0));
  ASSERT_TRUE(constant);
  EXPECT_EQ(constant->probability, 1);
}

TEST(Trend, OfTooFewValuesIsUnknown) {
  EXPECT_FALSE(FindTrend(Values{1, 2, 3, 4, 5, 6, 7}));
  EXPECT_TRUE(FindTrend(Values{1, 2, 3, 4, 5, 6, 7, 8}));
  EXPECT_FALSE(FindTrend(Values(10, 0.0)));
}

}  // namespace
}  // namespace crossover
