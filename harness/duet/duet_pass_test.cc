// Duets as a pass of an experiment: from its file over the plan and the records to the report.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "base/clock.h"
#include "base/error.h"
#include "harness/duet/duet_findings.h"
#include "harness/progress.h"
#include "harness/report.h"
#include "harness/sample_trial.h"
#include "harness/summary.h"

namespace crossover {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

std::string WithDuet(const std::string& duet) {
  return R"({"name":"x","architectures":["event-loop","fiber","epoll-pool"],"connections":[8,16],)"
         R"("workloads":[{"name":"hello"},{"name":"churn","requests_per_connection":1},)"
         R"({"name":"open","rate":100}],"repetitions":1,"duet":)" +
         duet + "}";
}

TEST(DuetPass, IsReadAndWritten) {
  const Experiment experiment = ParseExperiment(
      WithDuet(R"({"pairs":7,"precision":0.02,"time_limit":"9s","slice":"250ms"})"), "x.json");
  ASSERT_TRUE(experiment.duet);
  EXPECT_EQ(experiment.duet->pairs, 7);
  EXPECT_EQ(experiment.duet->precision, 0.02);
  EXPECT_EQ(experiment.duet->time_limit_ns, 9 * kNsPerSecond);
  EXPECT_EQ(experiment.duet->slice_ns, 250 * kNsPerMs);
  EXPECT_EQ(ParseExperiment(ToJson(experiment).dump(), "again"), experiment);
  const Experiment defaults = ParseExperiment(WithDuet("{}"), "x.json");
  EXPECT_EQ(defaults.duet, DuetSettings{});
  EXPECT_EQ(ParseExperiment(ToJson(defaults).dump(), "again"), defaults);
}

TEST(DuetPass, RefusesWhatMakesNoSense) {
  for (const char* duet : {"5", R"({"pair":1})", R"({"pairs":0})", R"({"precision":0})",
                           R"({"precision":1})", R"({"time_limit":"1ms"})", R"({"slice":"1ms"})",
                           R"({"slice":"2m"})", R"({"repetitions":0})", R"({"repetitions":2})"}) {
    EXPECT_THROW(ParseExperiment(WithDuet(duet), "x.json"), UsageError) << duet;
  }
}

TEST(DuetPass, HasATrialForEachCellThatCanTakeTurnsWithTheBaseline) {
  const Experiment experiment = ParseExperiment(WithDuet("{}"), "x.json");
  const Plan plan = MakePlan(experiment);
  std::vector<std::pair<size_t, int64_t>> duets;
  for (const PlannedTrial& trial : plan.trials) {
    if (trial.pass != Pass::kDuet) continue;
    EXPECT_EQ(trial.workload, 0u);
    EXPECT_GE(trial.index, 18u);  // after those of the throughput
    duets.emplace_back(trial.architecture, trial.connections);
  }
  EXPECT_THAT(duets, testing::UnorderedElementsAre(std::pair(1, 8), std::pair(2, 8),
                                                   std::pair(1, 16), std::pair(2, 16)));
  EXPECT_THAT(RenderPlan(experiment, plan),
              AllOf(HasSubstr("x 1 repetitions, and 1 duet with event-loop), about"),
                    HasSubstr("hello  (duet)")));
}

// A run in which "new" had duets with "old", in which it took 3 % more CPU per request.
class DuetReportTest : public testing::Test {
 protected:
  DuetReportTest() {
    log_.run.experiment.duet = DuetSettings{};
    DuetOutcome outcome{.slice_ns = 100'000'000, .ended_by = "pairs"};
    for (size_t i = 0; i < 20; ++i) {
      DuetSlice slice{.verified = 5'000,
                      .seconds = 0.1,
                      .cpu_seconds = 0.09,
                      .switches = std::nullopt,
                      .server_seconds = 0.1};
      DuetPair pair{.own = slice, .baseline = slice, .baseline_first = false, .block = i / 2};
      pair.own.cpu_seconds *= i % 2 == 0 ? 1.02 : 1.04;
      outcome.pairs.push_back(pair);
    }
    for (const int64_t connections : log_.run.experiment.connections) {
      TrialRecord trial = CleanTrial(log_.trials.size(), 0, "new", connections, 1);
      trial.pass = Pass::kDuet;
      trial.findings = ToJson(outcome);
      log_.trials.push_back(trial);
    }
  }

  // Of "new" to "old" at 100 connections.
  nlohmann::ordered_json Compared(std::string_view metric) const {
    const nlohmann::ordered_json report = BuildReport(log_, {});
    for (const auto& entry : report["comparisons"]) {
      if (entry["metric"] == metric && entry["connections"] == 100) return entry;
    }
    return nullptr;
  }

  TrialLog log_ = CleanLog(5);
};

TEST_F(DuetReportTest, ComparesByThePairsOfSlices) {
  const auto cpu = Compared("cpu_us_per_request");
  EXPECT_NEAR(cpu["ratio"].get<double>(), 1.03, 0.001);
  EXPECT_EQ(cpu["pairs"], 20);
  EXPECT_EQ(cpu["blocks"], 10);
  EXPECT_EQ(cpu["duets"], 1);
  EXPECT_EQ(cpu["method"], "duet");
  EXPECT_EQ(cpu["verdict"], "higher");
  EXPECT_FALSE(cpu.contains("no_duet"));
  EXPECT_EQ(Compared("throughput_rps")["verdict"], "no detectable difference");
  // What the slices lack, and what no duet compares.
  EXPECT_EQ(Compared("context_switches_per_request")["method"], "interleaved");
  EXPECT_EQ(
      Compared("context_switches_per_request")["no_duet"],
      "fewer than three blocks of its duet have both values, of 20 switches a slice and more");
  EXPECT_EQ(Compared("latency_us_p99")["method"], "interleaved");
  EXPECT_FALSE(Compared("latency_us_p99").contains("no_duet"));
  EXPECT_EQ(Compared("latency_us_p99")["pairs"], 5);
}

TEST_F(DuetReportTest, ComparesByDuetsWhereThereWereSeveral) {
  const auto is_duet = [](const TrialRecord& trial) {
    return trial.pass == Pass::kDuet && trial.connections == 100;
  };
  const TrialRecord first = *std::ranges::find_if(log_.trials, is_duet);
  for (size_t repetition = 1; repetition < 4; ++repetition) {
    TrialRecord again = first;
    again.index = log_.trials.size();
    again.repetition = repetition;
    // At another time the machine makes another ratio of it.
    for (auto& pair : again.findings["pairs"]) {
      pair["own"]["cpu_seconds"] =
          pair["own"]["cpu_seconds"].get<double>() * (1 + 0.1 * static_cast<double>(repetition));
    }
    log_.trials.push_back(again);
  }
  log_.run.experiment.duet->repetitions = 4;  // of 5 repetitions
  const auto cpu = Compared("cpu_us_per_request");
  EXPECT_EQ(cpu["duets"], 4);
  EXPECT_EQ(cpu["blocks"], 40);
  EXPECT_EQ(cpu["pairs"], 80);
  EXPECT_NEAR(cpu["ratio"].get<double>(), 1.03 * std::pow(1.1 * 1.2 * 1.3, 0.25), 0.002);
  // Of four values that spread by a tenth, and not of forty.
  EXPECT_GT(cpu["ci95_high"].get<double>() / cpu["ci95_low"].get<double>(), 1.3);
  log_.trials.back().verdict.reasons = {{.code = "failed", .detail = "the server of new ended"}};
  EXPECT_EQ(Compared("cpu_us_per_request")["duets"], 3);
  EXPECT_THAT(RenderSummary(BuildReport(log_, {})),
              HasSubstr("Of the duets of new at 100 1 broke off: the server of new ended."));
  log_.trials.pop_back();
  log_.trials.pop_back();
  EXPECT_EQ(Compared("cpu_us_per_request")["no_duet"],
            "fewer than three of its duets have both values");
  log_.trials.pop_back();  // nor are the blocks of the only one that was left enough
  EXPECT_EQ(Compared("cpu_us_per_request")["method"], "interleaved");
}

TEST_F(DuetReportTest, StandsOnItsOwn) {
  for (TrialRecord& trial : log_.trials) {
    if (trial.pass == Pass::kThroughput) trial.verdict.reasons = {{.code = "noisy", .detail = ""}};
  }
  EXPECT_EQ(Compared("cpu_us_per_request")["method"], "duet");
  EXPECT_TRUE(Compared("latency_us_p99").is_null());
}

TEST_F(DuetReportTest, SaysWhyThereWasNone) {
  TrialRecord& trial = *std::ranges::find(log_.trials, Pass::kDuet, &TrialRecord::pass);
  trial.findings = {{"unavailable", "too many threads"}};
  EXPECT_EQ(Compared("cpu_us_per_request")["method"], "interleaved");
  EXPECT_EQ(Compared("cpu_us_per_request")["no_duet"], "too many threads");
  EXPECT_NEAR(Compared("cpu_us_per_request")["ratio"].get<double>(), 2, 0.1);
  EXPECT_EQ(Headline(trial), "unavailable: too many threads  valid");
  EXPECT_THAT(RenderSummary(BuildReport(log_, {})),
              HasSubstr("- No duet of new at 100 connections, so that whole trials are compared: "
                        "too many threads.\n"));

  trial.findings = nullptr;
  trial.verdict.reasons = {{.code = "failed", .detail = "the server of new ended"}};
  EXPECT_EQ(Compared("cpu_us_per_request")["no_duet"], "the server of new ended");
  log_.trials.erase(std::ranges::find(log_.trials, Pass::kDuet, &TrialRecord::pass));
  EXPECT_EQ(Compared("cpu_us_per_request")["no_duet"], "it was not done");
  log_.run.experiment.workloads.front().requests_per_connection = 1;
  EXPECT_EQ(Compared("cpu_us_per_request")["no_duet"], "its connections don't last");
  log_.run.experiment.duet.reset();
  EXPECT_FALSE(Compared("cpu_us_per_request").contains("no_duet"));
}

TEST_F(DuetReportTest, TheSummarySaysWhichMethodWasUsed) {
  EXPECT_THAT(RenderSummary(BuildReport(log_, {})),
              AllOf(HasSubstr("Ratios of CPU per request and throughput are from duets: "),
                    HasSubstr("Those of context switches per request, 99th-percentile latency and "
                              "memory per connection are from whole trials, interleaved.\n")));
  EXPECT_THAT(RenderSummary(BuildReport(CleanLog(5), {})), Not(HasSubstr("duet")));
  EXPECT_EQ(Headline(log_.trials.back()), "20 pairs  valid");
}

TEST_F(DuetReportTest, RecordsSurviveBeingWritten) {
  std::string text = ToJson(log_.run).dump() + "\n";
  for (const TrialRecord& trial : log_.trials) text += ToJson(trial).dump() + "\n";
  const TrialLog again = ParseTrialLog(text, "trials.jsonl");
  EXPECT_EQ(again.trials.back().pass, Pass::kDuet);
  EXPECT_EQ(again.trials.back().findings, log_.trials.back().findings);
}

}  // namespace
}  // namespace crossover
