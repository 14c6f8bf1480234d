#include "harness/duet/companion.h"

#include <gmock/gmock.h>

namespace crossover {
namespace {

TEST(CompanionBudget, IsTheShareOfWhatTheServerTook) {
  CompanionBudget budget(0.05);
  EXPECT_EQ(budget.DueNs(4'000'000, 0), 200'000);
  // It took 10'000 longer, and has that less now.
  EXPECT_EQ(budget.DueNs(8'000'000, 210'000), 190'000);
  EXPECT_EQ(budget.DueNs(12'000'000, 400'000), 200'000);
}

TEST(CompanionBudget, MakesNothingGoodThatItTookWhileTheServerStoodIdle) {
  CompanionBudget budget(0.05);
  EXPECT_EQ(budget.DueNs(4'000'000, 0), 200'000);
  EXPECT_EQ(budget.DueNs(8'000'000, 200'000), 200'000);
  // What it was to spin then counts, and not what it takes to look on.
  EXPECT_EQ(budget.DueNs(8'000'070, 405'000), 0);
  EXPECT_EQ(budget.DueNs(8'000'020, 410'000), 0);
  EXPECT_EQ(budget.DueNs(12'000'000, 415'000), 195'000);
}

TEST(CompanionBudget, OwesNothingForItsStart) {
  CompanionBudget budget(0.05, 50'000'000, 5'000'000);
  EXPECT_EQ(budget.DueNs(54'000'000, 5'000'000), 200'000);
}

TEST(CompanionBudget, LosesNothingOfAServerThatDoesLittle) {
  CompanionBudget budget(0.5);
  EXPECT_EQ(budget.DueNs(30'000, 0), 0);
  EXPECT_EQ(budget.DueNs(60'000, 0), 30'000);
}

TEST(Companion, CannotTakeTheShareOfManyCpus) {
  EXPECT_THAT(WhyNoCompanion(2, 1), testing::IsEmpty());
  EXPECT_THAT(WhyNoCompanion(2, 2), testing::HasSubstr("2 CPUs"));
  EXPECT_THAT(WhyNoCompanion(0.03, 16), testing::IsEmpty());
}

}  // namespace
}  // namespace crossover
