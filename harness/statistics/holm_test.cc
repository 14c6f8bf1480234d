#include "harness/statistics/holm.h"

#include <gtest/gtest.h>

#include <vector>

namespace crossover {
namespace {

using Values = std::vector<double>;

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

}  // namespace
}  // namespace crossover
