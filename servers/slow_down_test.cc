#include "servers/slow_down.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace crossover {
namespace {

int64_t fake_ns = 0;
int64_t reading_ns = 0;  // what it takes to read the clock

int64_t FakeClock() { return fake_ns += reading_ns; }

// The thread's CPU time after `requests`, each of which takes `request_ns`.
double CpuAfter(int requests, int64_t request_ns, double share, uint32_t first) {
  fake_ns = 0;
  SlowDown slow_down(first, FakeClock);
  for (int i = 0; i < requests; ++i) {
    fake_ns += request_ns;
    slow_down.CountRequest(share);
  }
  return static_cast<double>(fake_ns);
}

TEST(SlowDown, MultipliesTheCpuTime) {
  reading_ns = 1;
  // A hundred spins, each after one reading of the clock, which counts as work.
  EXPECT_NEAR(CpuAfter(6400, 10'000, 0.03, 64), 6400 * 10'000 * 1.03, 2 * 100);
  EXPECT_NEAR(CpuAfter(6400, 10'000, 1, 64), 6400 * 10'000 * 2, 2 * 100);
  EXPECT_NEAR(CpuAfter(6400, 10'000, 0, 64), 6400 * 10'000, 100);
}

TEST(SlowDown, IsAsLongOnAverageWhereTheClockIsCoarse) {
  reading_ns = 7'000;  // of 19'200 to spin
  const double work_ns = 6400 * 10'000 + 100 * 7'000;
  EXPECT_NEAR(CpuAfter(6400, 10'000, 0.03, 64), work_ns * 1.03, 7'000);
}

TEST(SlowDown, CountsWhatCameBeforeTheFirstSpin) {
  reading_ns = 1;
  EXPECT_NEAR(CpuAfter(3, 10'000, 1, 3), 60'000, 4);
  EXPECT_EQ(CpuAfter(2, 10'000, 1, 3), 20'000);
}

TEST(SlowDown, IsAPercentage) {
  EXPECT_DOUBLE_EQ(ParseSlowDown("3%"), 0.03);
  EXPECT_DOUBLE_EQ(ParseSlowDown("0.5%"), 0.005);
  for (const char* text : {"3", "%", "-1%", "1001%", "nan%", "3 %", ""}) {
    EXPECT_THROW(ParseSlowDown(text), UsageError) << text;
  }
}

}  // namespace
}  // namespace crossover
