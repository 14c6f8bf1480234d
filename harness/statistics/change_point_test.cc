#include "harness/statistics/change_point.h"

#include <gtest/gtest.h>

#include <vector>

namespace crossover {
namespace {

using Values = std::vector<double>;

// Expected: Python with NumPy, by Pettitt's definition: signs of all n x n differences.
TEST(ChangePoint, FindsOneShift) {
  const auto up = FindChangePoint(
      Values{100, 102, 99, 101, 103, 98, 100, 101, 112, 110, 113, 109, 111, 114, 110, 112});
  ASSERT_TRUE(up);
  EXPECT_EQ(up->place, 8u);
  EXPECT_NEAR(up->probability, 0.007055755283170262, 1e-12);
  EXPECT_NEAR(up->relative_change, 0.10377358490566038, 1e-12);
  const auto down = FindChangePoint(Values{5, 5, 6, 7, 5, 4, 4, 3, 3, 3, 4, 2, 3, 3});
  ASSERT_TRUE(down);
  EXPECT_EQ(down->place, 7u);
  EXPECT_NEAR(down->probability, 0.022037359985452355, 1e-12);
  EXPECT_NEAR(down->relative_change, -0.5, 1e-12);
}

TEST(ChangePoint, OfASteadySeriesIsUnlikely) {
  const auto flat =
      FindChangePoint(Values{100, 100, 99, 101, 100, 98, 102, 100, 100, 101, 100, 99});
  ASSERT_TRUE(flat);
  EXPECT_EQ(flat->probability, 1);
  const auto constant = FindChangePoint(Values(10, 5.0));
  ASSERT_TRUE(constant);
  EXPECT_EQ(constant->probability, 1);
  EXPECT_EQ(constant->relative_change, 0);
}

TEST(ChangePoint, OfTooFewValuesIsUnknown) {
  EXPECT_FALSE(FindChangePoint(Values{1, 1, 1, 9, 9, 9, 9}));
  EXPECT_TRUE(FindChangePoint(Values{1, 1, 1, 9, 9, 9, 9, 9}));
  EXPECT_FALSE(FindChangePoint(Values(10, 0.0)));
}

}  // namespace
}  // namespace crossover
