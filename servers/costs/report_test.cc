#include "servers/costs/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>
#include <vector>

#include "servers/costs/cost.h"

namespace crossover {
namespace {

using nlohmann::json;
using Measured = benchmark::BenchmarkReporter::Run;

Cost Wait() {
  return {"wait", "a wait", 8000, 64, [](benchmark::State&) {}};
}

// As Google Benchmark tells of a repetition with so many items a second.
Measured Repetition(double items_per_second) {
  Measured run;
  run.run_name.function_name = "wait/8000/64";
  run.counters["items_per_second"] = benchmark::Counter(items_per_second);
  return run;
}

json EventOf(const std::vector<Measured>& runs) {
  CostReporter reporter(CostReporter::Format::kEvents);
  reporter.Register(Wait(), 0.1);
  testing::internal::CaptureStdout();
  reporter.ReportRuns(runs);
  const json told = json::parse(testing::internal::GetCapturedStdout());
  benchmark::ClearRegisteredBenchmarks();
  EXPECT_EQ(told, reporter.last_event());
  return told;
}

TEST(FiguresOf, MedianAndSpread) {
  const CostFigures odd = FiguresOf({30, 10, 20});
  EXPECT_DOUBLE_EQ(odd.ns, 20);
  EXPECT_DOUBLE_EQ(odd.spread, 1);
  const CostFigures even = FiguresOf({10, 40, 20, 30});
  EXPECT_DOUBLE_EQ(even.ns, 25);
  EXPECT_DOUBLE_EQ(even.spread, 1.2);
  EXPECT_DOUBLE_EQ(FiguresOf({7}).spread, 0);
}

TEST(CostEvent, HasTheKeysThatApply) {
  EXPECT_EQ(CostEvent(Wait(), {812.34, 0.0449}), json::parse(R"({"event": "cost", "name": "wait",
      "connections": 8000, "ready": 64, "ns": 812.3, "spread": 0.045})"));
  Cost plain = Wait();
  plain.connections = plain.ready = 0;
  EXPECT_EQ(UnavailableEvent(plain, "no threads"),
            json::parse(R"({"event": "unavailable", "name": "wait", "why": "no threads"})"));
}

TEST(CostReporter, TellsTheMedianOfTheRepetitions) {
  const json event = EventOf({Repetition(1e6), Repetition(2e6), Repetition(4e6)});
  EXPECT_EQ(event["event"], "cost");
  EXPECT_EQ(event["ns"], 500);
  EXPECT_EQ(event["spread"], 1.5);
}

TEST(CostReporter, TellsHowOftenTheCpuRanDry) {
  Measured always = Repetition(1e6);
  always.counters[kRanDry] = benchmark::Counter(1);
  Measured never = Repetition(1e6);
  never.counters[kRanDry] = benchmark::Counter(0);
  EXPECT_EQ(EventOf({always, never, never, never})["ran_dry"], 0.25);
  EXPECT_FALSE(EventOf({Repetition(1e6)}).contains("ran_dry"));
}

TEST(CostReporter, TellsWhyThereIsNone) {
  Measured refused = Repetition(1e6);
  refused.error_occurred = true;
  refused.error_message = "threads refused";
  EXPECT_EQ(EventOf({refused, refused}), UnavailableEvent(Wait(), "threads refused"));
  // One that failed is not left out of a median.
  EXPECT_EQ(EventOf({Repetition(1e6), refused}), UnavailableEvent(Wait(), "threads refused"));
  EXPECT_EQ(EventOf({Repetition(0)})["event"], "unavailable");
}

TEST(CostReporter, LeavesOutGoogleBenchmarksOwnStatistics) {
  CostReporter reporter(CostReporter::Format::kEvents);
  Measured mean = Repetition(1e6);
  mean.run_type = Measured::RT_Aggregate;
  testing::internal::CaptureStdout();
  reporter.ReportRuns({mean});
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "");
}

}  // namespace
}  // namespace crossover
