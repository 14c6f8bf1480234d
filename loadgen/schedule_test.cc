#include "loadgen/schedule.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <vector>

#include "base/clock.h"
#include "base/error.h"

namespace crossover {
namespace {

using Arrivals = ScheduleOptions::Arrivals;

std::vector<int64_t> DueTimes(const ScheduleOptions& options, size_t connections, size_t each) {
  const Schedule schedule(options, connections);
  std::vector<int64_t> due;
  for (uint64_t i = 0; i < connections; ++i) {
    double position = 0;
    for (uint64_t k = 0; k < each; ++k) {
      position = schedule.Position(i, k, position);
      due.push_back(schedule.DueNs(position));
    }
  }
  std::sort(due.begin(), due.end());
  return due;
}

TEST(ScheduleTest, ConstantArrivalsAreEvenlySpaced) {
  const auto due = DueTimes({.rate = ParseRate("1000")}, 7, 100);
  for (size_t j = 0; j < due.size(); ++j) {
    EXPECT_NEAR(static_cast<double>(due[j]), static_cast<double>(j) * 1e6, 1);
  }
}

TEST(ScheduleTest, ARampHasTheRateOfItsMiddle) {
  // 1,000 to 3,000 in 10 s: 20,000 requests; the first 5 s see 1,000 to 2,000, so 7,500.
  const Schedule schedule({.rate = ParseRate("1000-3000@10s")}, 1);
  EXPECT_EQ(schedule.DueNs(0), 0);
  EXPECT_NEAR(static_cast<double>(schedule.DueNs(7'500)), 5e9, 10);
  EXPECT_NEAR(static_cast<double>(schedule.DueNs(20'000)), 10e9, 10);
  EXPECT_NEAR(static_cast<double>(schedule.DueNs(23'000)), 11e9, 10);  // goes on at 3,000
  const Schedule down({.rate = ParseRate("3000-1000@10s")}, 1);
  EXPECT_NEAR(static_cast<double>(down.DueNs(12'500)), 5e9, 10);
}

TEST(ScheduleTest, StepsFollowEachOther) {
  const Schedule schedule({.rate = ParseRate("100@1s,1000@2s,10")}, 1);
  EXPECT_EQ(schedule.DueNs(100), kNsPerSecond);
  EXPECT_EQ(schedule.DueNs(1'100), 2 * kNsPerSecond);
  EXPECT_EQ(schedule.DueNs(2'100), 3 * kNsPerSecond);
  EXPECT_EQ(schedule.DueNs(2'110), 4 * kNsPerSecond);
}

// Anderson-Darling for exponential spacing of known mean; 3.857 is the critical value at 1 %
// (D'Agostino and Stephens, "Goodness-of-fit techniques", 1986, table 4.2, case 0).
double AndersonDarling(std::vector<double> gaps, double mean) {
  std::sort(gaps.begin(), gaps.end());
  const auto n = static_cast<double>(gaps.size());
  double sum = 0;
  for (size_t i = 0; i < gaps.size(); ++i) {
    const double low = -std::expm1(-gaps[i] / mean);
    const double high = -gaps[gaps.size() - 1 - i] / mean;  // log(1 - F)
    sum += (2 * static_cast<double>(i) + 1) * (std::log(low) + high);
  }
  return -n - sum / n;
}

TEST(ScheduleTest, PoissonArrivalsHaveExponentialGaps) {
  for (const uint64_t seed : {1u, 2u, 3u}) {
    // Few of each of many: what is there before the first connection runs out is Poisson.
    const auto due = DueTimes(
        {.rate = ParseRate("10000"), .arrivals = Arrivals::kPoisson, .seed = seed}, 64, 400);
    std::vector<double> gaps;
    for (size_t j = 1; j < 15'000; ++j)
      gaps.push_back(static_cast<double>(due[j] - due[j - 1]) + 0.5);
    EXPECT_LT(AndersonDarling(gaps, 1e5), 3.857) << seed;
  }
  // The test can fail: evenly spaced arrivals are no such thing.
  EXPECT_GT(AndersonDarling(std::vector<double>(1000, 1e5), 1e5), 100);
}

TEST(ScheduleTest, TheSameSeedGivesTheSameTimes) {
  const auto times = [](uint64_t seed) {
    return DueTimes({.rate = ParseRate("500"), .arrivals = Arrivals::kPoisson, .seed = seed}, 3, 9);
  };
  EXPECT_EQ(times(7), times(7));
  EXPECT_NE(times(7), times(8));
}

TEST(ScheduleTest, ThinkTimes) {
  const Schedule none({}, 4);
  EXPECT_FALSE(none.paced());
  EXPECT_EQ(none.ThinkNs(3, 0), 0);
  EXPECT_EQ(none.ThinkNs(3, 9), 0);
  const Schedule fixed({.think_ns = 1000}, 4);
  EXPECT_EQ(fixed.ThinkNs(3, 1), 1000);
  std::set<int64_t> first;
  for (uint64_t i = 0; i < 4; ++i) first.insert(fixed.ThinkNs(i, 0));
  EXPECT_EQ(first, (std::set<int64_t>{0, 250, 500, 750}));
  const Schedule exponential({.think_ns = 1'000'000, .think_exponential = true}, 4);
  double sum = 0;
  for (uint64_t k = 0; k < 10'000; ++k) sum += static_cast<double>(exponential.ThinkNs(1, k));
  EXPECT_NEAR(sum / 10'000, 1e6, 5e4);
}

TEST(ScheduleTest, RatesThatMakeNoSense) {
  for (const char* text : {"", "x", "0", "-5", "1e12", "5@", "5@0s", "5@10", "1-2", "5,6", "5@1s,",
                           "nan", "inf", "5@1s,6,7"}) {
    EXPECT_THROW(ParseRate(text), UsageError) << text;
  }
}

}  // namespace
}  // namespace crossover
