#include "harness/statistics/warm_up.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace crossover {
namespace {

using Values = std::vector<double>;

// Rises to 1000 with a time constant of 8 values; some regular noise.
Values Rising(int count) {
  Values values;
  for (int i = 0; i < count; ++i) {
    values.push_back(1000 - std::round(400 * std::exp(-i / 8.0)) + (i * 37 % 11 - 5) * 3);
  }
  return values;
}

// Expected: Python with NumPy, by White's definition: the variance of the rest over their number.
TEST(WarmUp, EndsWhereTheMeanIsSurest) {
  EXPECT_EQ(WarmUpLength(Rising(100)), 40u);
  EXPECT_EQ(WarmUpLength(Rising(120)), 48u);
}

TEST(WarmUp, IgnoresABatchThatIsNotFull) {
  Values values = Rising(100);
  values.insert(values.end(), 4, 1e6);
  EXPECT_EQ(WarmUpLength(values), 40u);
}

TEST(WarmUp, OfASteadySeriesIsNone) {
  // The batches are 1, 3, 1, 3, ...: leaving any out makes the mean less sure.
  Values values;
  for (int i = 0; i < 100; ++i) values.push_back(i / 5 % 2 == 0 ? 1 : 3);
  EXPECT_EQ(WarmUpLength(values), 0u);
  EXPECT_EQ(WarmUpLength(Values(120, 7.0)), 0u);
}

TEST(WarmUp, OfASlowStartIsCutAtTheStep) {
  // By hand: four batches of six that are slow, then 10, 12, 10, 12, ...
  Values values(24, 1.0);
  for (int i = 0; i < 96; ++i) values.push_back(i / 6 % 2 == 0 ? 10 : 12);
  EXPECT_EQ(WarmUpLength(values), 24u);
}

TEST(WarmUp, WithoutAnEndInTheFirstHalfIsUnknown) {
  Values values;
  for (int i = 0; i < 120; ++i) values.push_back(1000 + 5 * i);
  EXPECT_EQ(WarmUpLength(values), std::nullopt);
}

TEST(WarmUp, OfTooFewValuesIsUnknown) {
  EXPECT_EQ(WarmUpLength(Values(19, 1.0)), std::nullopt);
  EXPECT_EQ(WarmUpLength(Values(20, 1.0)), 0u);
}

}  // namespace
}  // namespace crossover
