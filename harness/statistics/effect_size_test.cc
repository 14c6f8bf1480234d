#include "harness/statistics/effect_size.h"

#include <gtest/gtest.h>

#include <limits>
#include <vector>

namespace crossover {
namespace {

using Values = std::vector<double>;

TEST(CohensDz, IsTheMeanInStandardDeviations) {
  EXPECT_DOUBLE_EQ(CohensDz(Values{1, 2, 3}), 2);  // by hand
  EXPECT_DOUBLE_EQ(CohensDz(Values{-1, -2, -3}), -2);
  EXPECT_DOUBLE_EQ(CohensDz(Values{-1, 1}), 0);
}

TEST(CohensDz, WithoutScatterIsNoneOrBeyondMeasure) {
  EXPECT_EQ(CohensDz(Values{0.5}), 0);
  EXPECT_EQ(CohensDz(Values(5, 0.0)), 0);
  EXPECT_EQ(CohensDz(Values(7, -0.1)), -std::numeric_limits<double>::infinity());
}

TEST(Superiority, CountsWinsAndHalfOfTheTies) {
  EXPECT_DOUBLE_EQ(Superiority(Values{1, 2, -1, 0}), 0.625);
  EXPECT_DOUBLE_EQ(Superiority(Values{-1, -1}), 0);
  EXPECT_DOUBLE_EQ(Superiority({}), 0.5);
}

}  // namespace
}  // namespace crossover
