#include "harness/statistics/trend.h"

#include <gtest/gtest.h>

#include <vector>

namespace crossover {
namespace {

using Values = std::vector<double>;

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
