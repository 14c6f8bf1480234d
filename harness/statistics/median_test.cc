#include "harness/statistics/median.h"

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

}  // namespace
}  // namespace crossover
