#include "harness/search/highest_rate.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "harness/search/axis_place.h"
#include "harness/search/capacity_command.h"

namespace crossover {
namespace {

HighestRate Search(double first, double capacity) {
  HighestRate search({.first_rps = first});
  while (const auto rate = search.Next()) search.Add(*rate <= capacity);
  return search;
}

TEST(HighestRate, ClosesInOnTheCapacityFromBelowAndAbove) {
  for (const double first : {80.0, 500.0}) {
    const HighestRate search = Search(first, 100);
    EXPECT_LE(*search.met_rps(), 100);
    EXPECT_GT(*search.missed_rps(), 100);
    EXPECT_LE(*search.missed_rps() / *search.met_rps(), 1.03);
  }
}

TEST(HighestRate, OneTrialAloneDecidesNothing) {
  HighestRate search({.first_rps = 100});
  search.Add(false);
  EXPECT_EQ(search.Next(), 100);
  search.Add(true);
  EXPECT_EQ(search.Next(), 100);
  search.Add(true);
  EXPECT_EQ(search.met_rps(), 100);
  EXPECT_EQ(search.missed_rps(), std::nullopt);
  EXPECT_GT(*search.Next(), 100);
}

TEST(HighestRate, GivesUpWhereNothingIsMet) {
  const HighestRate search = Search(100, 0);
  EXPECT_EQ(search.met_rps(), std::nullopt);
  EXPECT_EQ(search.Next(), std::nullopt);
}

TEST(HighestRate, EndsAfterSoManyTrials) {
  HighestRate search({.first_rps = 1, .trials_max = 5});
  for (int i = 0; i < 5; ++i) search.Add(true);
  EXPECT_EQ(search.Next(), std::nullopt);
}

TEST(Objective, IsAQuantileAndItsLimit) {
  const Objective objective = ParseObjective("p999<1.5ms");
  EXPECT_EQ(objective.metric, "latency_us_p999");
  EXPECT_EQ(objective.limit_us, 1500);
  for (const char* text : {"", "p99", "p98<1ms", "p99<", "p99<1", "p99<0ms", "<1ms"}) {
    EXPECT_THROW(ParseObjective(text), UsageError) << text;
  }
}

TEST(Objective, IsKeptByLatencyAndAnswers) {
  const Objective objective = ParseObjective("p99<10ms");
  Metrics metrics;
  EXPECT_FALSE(Keeps(metrics, objective, 2));
  SetMetric(metrics, "latency_us_p99", 9'999);
  SetMetric(metrics, "unanswered_share", 0.0005);
  EXPECT_FALSE(Keeps(metrics, objective, 2));  // what was shed is not known
  SetMetric(metrics, "shed_share", 0);
  EXPECT_FALSE(Keeps(metrics, objective, 2));  // nor what was due
  SetMetric(metrics, "offered_rps", 1000);
  SetMetric(metrics, "throughput_rps", 980);
  EXPECT_TRUE(Keeps(metrics, objective, 2));
  SetMetric(metrics, "throughput_rps", 979);
  EXPECT_FALSE(Keeps(metrics, objective, 2));      // the rest was answered when the window was over
  SetMetric(metrics, "latency_us_mean", 150'000);  // some 150 under way at a time
  SetMetric(metrics, "throughput_rps", 975);
  EXPECT_TRUE(Keeps(metrics, objective, 2));
  SetMetric(metrics, "throughput_rps", 970);
  EXPECT_FALSE(Keeps(metrics, objective, 2));
  SetMetric(metrics, "throughput_rps", 1010);
  SetMetric(metrics, "shed_share", 0.01);
  EXPECT_FALSE(Keeps(metrics, objective, 2));
  SetMetric(metrics, "shed_share", 0);
  SetMetric(metrics, "latency_us_p99", 10'000);
  EXPECT_FALSE(Keeps(metrics, objective, 2));
}

TEST(Axis, SetsTheirPlaces) {
  Experiment experiment;
  experiment.connections = {200};
  PlaceOnAxis(FindAxis("connections"), 7, experiment);
  EXPECT_EQ(experiment.connections, std::vector<int64_t>{7});
  PlaceOnAxis(FindAxis("wait"), 30, experiment);
  EXPECT_EQ(experiment.workloads[0].path, "/wait/30");
  PlaceOnAxis(FindAxis("cpu"), 5, experiment);
  EXPECT_EQ(experiment.workloads[0].path, "/cpu/5");
  PlaceOnAxis(FindAxis("active"), 10, experiment);
  EXPECT_EQ(experiment.workloads[0].active_percent, 10);
  PlaceOnAxis(FindAxis("requests"), 3, experiment);
  EXPECT_EQ(experiment.workloads[0].requests_per_connection, 3);
  PlaceOnAxis(FindAxis("rate"), 1000, experiment);
  EXPECT_EQ(experiment.workloads[0].rate_rps, 1000);
  EXPECT_THROW(FindAxis("moon"), UsageError);
}

TEST(Axis, RangesAreCheckedAgainstIt) {
  const AxisKind& axis = FindAxis("active");
  EXPECT_EQ(ParseAxisRange("1:100", axis).high, 100);
  for (const char* text : {"", "5", "1:101", "0:50", "50:50", "60:50", "a:b", "1:5x", "1:2:3"}) {
    EXPECT_THROW(ParseAxisRange(text, axis), UsageError) << text;
  }
}

}  // namespace
}  // namespace crossover
