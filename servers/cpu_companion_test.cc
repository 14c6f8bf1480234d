#include "servers/cpu_companion.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/error.h"

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
  EXPECT_EQ(budget.DueNs(8'000'000, 400'000), 0);
  EXPECT_EQ(budget.DueNs(8'000'000, 405'000), 0);
  EXPECT_EQ(budget.DueNs(12'000'000, 410'000), 195'000);
}

TEST(CompanionOptions, AreAPercentageAndWhere) {
  EXPECT_EQ(ParseCompanion("3%").share, 0.03);
  EXPECT_FALSE(ParseCompanion("3%").apart);
  EXPECT_EQ(ParseCompanion("0.5%,apart").share, 0.005);
  EXPECT_TRUE(ParseCompanion("0.5%,apart").apart);
  for (const char* text : {"3", "101%", ",apart", "3%,", "3%,beside", "apart,3%"}) {
    EXPECT_THROW(ParseCompanion(text), UsageError) << text;
  }
}

int64_t ProcessCpuNs() { return ReadClockNs(CLOCK_PROCESS_CPUTIME_ID); }

// Works for so much CPU time of this thread. Returns by how much more that of the process grew.
double CpuBesideWork(int64_t work_ns) {
  const int64_t process_ns = ProcessCpuNs();
  const int64_t begin_ns = ThreadCpuNs();
  while (ThreadCpuNs() - begin_ns < work_ns) {
  }
  return static_cast<double>(ProcessCpuNs() - process_ns) /
             static_cast<double>(ThreadCpuNs() - begin_ns) -
         1;
}

// Work goes on until the companion has had its turn; that it never has is for the time limit.
TEST(CpuCompanion, IsBilledToTheServerAsAThread) {
  const CpuCompanion companion({.share = 0.5});
  while (CpuBesideWork(20 * kNsPerMs) < 0.25) {
  }
}

TEST(CpuCompanion, IsNotBilledToTheServerAsAProcess) {
  rusage children{};
  do {
    const CpuCompanion companion({.share = 0.5, .apart = true});
    EXPECT_LT(CpuBesideWork(100 * kNsPerMs), 0.1);
    getrusage(RUSAGE_CHILDREN, &children);
  } while (children.ru_utime.tv_usec + children.ru_stime.tv_usec < 10'000);
  EXPECT_EQ(waitpid(-1, nullptr, WNOHANG), -1) << "it has been waited for";
}

}  // namespace
}  // namespace crossover
