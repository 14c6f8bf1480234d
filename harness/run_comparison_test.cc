#include "harness/run_comparison.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "harness/report.h"
#include "harness/run_comparison_text.h"
#include "harness/sample_trial.h"

namespace crossover {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr const char* kCpu = "cpu_us_per_request";

// CPU per request of 20 us in "old" and 10 in "new", times `machine` and, for "new" at 2000
// connections, `factor`; with a wobble of 1 % that both have, and one of 0.2 % that they haven't.
TrialLog Log(double machine = 1, double factor = 1, int64_t repetitions = 5) {
  TrialLog log = CleanLog(repetitions);
  for (TrialRecord& trial : log.trials) {
    const double own = trial.architecture == "old" ? 20 : 10;
    const auto repetition = static_cast<double>(trial.repetition);
    const double shared = 1 + 0.01 * static_cast<double>(trial.repetition % 3);
    const double alone = 1 + (trial.architecture == "old" ? 0.0005 : -0.0005) * repetition;
    const bool changed = trial.architecture == "new" && trial.connections == 2000;
    SetMetric(trial.metrics, kCpu, own * machine * shared * alone * (changed ? factor : 1));
  }
  return log;
}

RunReport ReportOf(const TrialLog& log, const char* run_id, const char* metric = kCpu) {
  RunReport report = ParseRunReport(BuildReport(log).dump(), "report.json", metric);
  report.run_id = run_id;
  report.environment["fingerprint"] = "0011223344556677";
  return report;
}

RunComparison Compare(const TrialLog& a, const TrialLog& b, Judged judged = Judged::kAutomatic,
                      std::optional<double> limit = std::nullopt) {
  return CompareRuns(ReportOf(a, "a"), ReportOf(b, "b"), *FindMetric(kCpu), judged, limit);
}

std::vector<std::string> Verdicts(const RunComparison& comparison) {
  std::vector<std::string> verdicts;
  for (const ComparedCell& cell : comparison.cells) verdicts.push_back(cell.verdict);
  return verdicts;
}

TEST(RunComparison, DriftOfTheMachineDoesNotTouchTheRelativeRatio) {
  const RunComparison relative = Compare(Log(), Log(1.3));
  EXPECT_EQ(relative.judged, Judged::kRelative);
  EXPECT_EQ(relative.baseline, "old");
  EXPECT_THAT(Verdicts(relative), ElementsAre("the baseline", "no detectable difference",
                                              "the baseline", "no detectable difference"));
  EXPECT_NEAR(relative.cells[1].plain->ratio, 1.3, 1e-9);
  EXPECT_NEAR(relative.cells[1].relative->ratio, 1, 1e-9);
  const RunComparison plain = Compare(Log(), Log(1.3), Judged::kPlain);
  EXPECT_THAT(Verdicts(plain), ElementsAre("slower", "slower", "slower", "slower"));
  EXPECT_EQ(plain.judged_cells, 4u);
}

TEST(RunComparison, FindsTheCellThatChanged) {
  const RunComparison slower = Compare(Log(), Log(1.3, 1.05));
  EXPECT_THAT(Verdicts(slower),
              ElementsAre("the baseline", "no detectable difference", "the baseline", "slower"));
  EXPECT_NEAR(slower.cells[3].relative->ratio, 1.05, 1e-9);
  // The shared wobble cancels out within the repetitions.
  EXPECT_LT(slower.cells[3].relative->standard_error, slower.cells[3].plain->standard_error / 3);
  EXPECT_EQ(Compare(Log(), Log(0.7, 0.95)).cells[3].verdict, "faster");
}

TEST(RunComparison, TheGateTellsMoreThanTheLimitFromLess) {
  const RunComparison beyond = Compare(Log(), Log(1, 1.05), Judged::kAutomatic, 0.03);
  EXPECT_EQ(beyond.cells_beyond_limit, 1u);
  EXPECT_TRUE(beyond.cells[3].beyond_limit);
  EXPECT_EQ(beyond.cells[3].verdict, "slower by more than 3 %");
  const RunComparison within = Compare(Log(), Log(1, 1.02), Judged::kAutomatic, 0.03);
  EXPECT_EQ(within.cells[3].verdict, "slower");
  EXPECT_EQ(within.cells_beyond_limit, 0u);
  EXPECT_EQ(within.cells_maybe_beyond, 0u);
  const RunComparison faster = Compare(Log(), Log(1, 0.9), Judged::kAutomatic, 0.03);
  EXPECT_EQ(faster.cells_beyond_limit, 0u);
  // Without a baseline's shared wobble taken out, 3.2 % are more than the limit, and not shown to
  // be.
  const RunComparison unsure = Compare(Log(), Log(1, 1.032), Judged::kPlain, 0.03);
  EXPECT_EQ(unsure.cells[3].verdict, "slower");
  EXPECT_EQ(unsure.cells_beyond_limit, 0u);
  EXPECT_EQ(unsure.cells_maybe_beyond, 1u);
}

TEST(RunComparison, OfAMetricOfWhichMoreIsBetterLessIsSlower) {
  TrialLog a = CleanLog(3);
  TrialLog b = CleanLog(3);
  for (TrialRecord& trial : a.trials) {
    SetMetric(trial.metrics, "throughput_rps", 1000 + static_cast<double>(trial.repetition));
  }
  for (TrialRecord& trial : b.trials) {
    const double factor = trial.architecture == "new" ? 0.9 : 1;
    SetMetric(trial.metrics, "throughput_rps",
              factor * (1000 + static_cast<double>(trial.repetition)));
  }
  const MetricSpec& metric = *FindMetric("throughput_rps");
  const RunComparison comparison =
      CompareRuns(ReportOf(a, "a", "throughput_rps"), ReportOf(b, "b", "throughput_rps"), metric,
                  Judged::kPlain, 0.05);
  EXPECT_THAT(Verdicts(comparison),
              ElementsAre("no detectable difference", "slower by more than 5 %",
                          "no detectable difference", "slower by more than 5 %"));
  EXPECT_NEAR(comparison.cells[1].plain->ratio, 0.9, 1e-9);  // B / A, whatever is better
}

TEST(RunComparison, HolmCorrectsOverTheCells) {
  // 13 cells alike but for noise; the first differs with p = 0.02, which one test alone would tell.
  TrialLog a = CleanLog(2);
  a.run.experiment.connections.clear();
  a.trials.clear();
  a.run.experiment.architectures.resize(1);
  TrialLog b = a;
  for (int64_t connections = 1; connections <= 13; ++connections) {
    for (size_t repetition = 0; repetition < 2; ++repetition) {
      const double wobble = repetition == 0 ? 1 : 1.02;
      a.trials.push_back(CleanTrial(a.trials.size(), repetition, "old", connections, 1));
      b.trials.push_back(CleanTrial(b.trials.size(), repetition, "old", connections, 1));
      SetMetric(a.trials.back().metrics, kCpu, 10 * wobble);
      SetMetric(b.trials.back().metrics, kCpu, (connections == 1 ? 11 : 10) * wobble);
    }
    a.run.experiment.connections.push_back(connections);
    b.run.experiment.connections.push_back(connections);
  }
  const RunComparison many = Compare(a, b);
  EXPECT_EQ(many.judged, Judged::kPlain);  // a baseline alone has nothing to be relative to
  const double probability = ProbabilityOfNoDifference(*many.cells[0].plain);
  EXPECT_LT(probability, 0.05);
  EXPECT_GT(probability, 0.05 / 13);
  EXPECT_EQ(many.cells[0].verdict, "no detectable difference");
  for (TrialLog* log : {&a, &b}) {
    log->run.experiment.connections = {1};
    log->trials.resize(2);
  }
  EXPECT_EQ(Compare(a, b).cells[0].verdict, "slower");
}

TEST(RunComparison, SaysWhyACellIsNotJudged) {
  TrialLog a = Log();
  TrialLog b = Log();
  for (TrialRecord& trial : a.trials) {
    if (trial.architecture == "new" && trial.connections == 100) {
      trial.verdict.reasons = {{.code = "noisy", .detail = "steal"}};
    }
  }
  for (TrialRecord& trial : b.trials) {
    if (trial.architecture == "new" && trial.connections == 2000) {
      SetMetricUnavailable(trial.metrics, kCpu, "taskstats is off");
    }
  }
  EXPECT_THAT(Verdicts(Compare(a, b)),
              ElementsAre("the baseline", "not valid in A: noisy", "the baseline",
                          "not available in B: taskstats is off"));
  EXPECT_EQ(Compare(Log(1, 1, 1), Log()).cells[1].verdict, "too few repetitions");
  b = Log();
  for (TrialRecord& trial : b.trials) {
    if (trial.architecture == "old") {
      trial.verdict.reasons = {{.code = "errors", .detail = "3"}};
    }
  }
  const RunComparison lame = Compare(Log(), b, Judged::kAutomatic, 0.03);
  EXPECT_EQ(lame.cells[1].verdict, "baseline not valid in B: errors");
  EXPECT_EQ(lame.judged_cells, 0u);
  EXPECT_EQ(Compare(Log(), b, Judged::kPlain).cells[1].verdict, "no detectable difference");
}

TEST(RunComparison, AnotherWorkloadOfTheSameNameIsNotCompared) {
  TrialLog b = Log();
  b.run.experiment.workloads[0].label = "called otherwise";
  EXPECT_EQ(Compare(Log(), b).cells[1].verdict, "no detectable difference");
  b.run.experiment.workloads[0].path = "/bytes/1000";
  EXPECT_EQ(Compare(Log(), b).cells[1].verdict, "not the same workload");
}

TEST(RunComparison, ListsWhatOnlyOneHas) {
  TrialLog b = Log();
  b.run.experiment.connections = {100, 500};
  for (TrialRecord& trial : b.trials) {
    if (trial.connections == 2000) trial.connections = 500;
  }
  const RunComparison comparison = Compare(Log(), b);
  EXPECT_EQ(comparison.cells.size(), 2u);
  EXPECT_THAT(comparison.only_in_a, ElementsAre("old at 2,000 (hello)", "new at 2,000 (hello)"));
  EXPECT_THAT(comparison.only_in_b, ElementsAre("old at 500 (hello)", "new at 500 (hello)"));
  b.run.experiment.connections = {7, 500};
  for (TrialRecord& trial : b.trials) {
    if (trial.connections == 100) trial.connections = 7;
  }
  EXPECT_THROW(Compare(Log(), b), UsageError);
}

TEST(RunComparison, RelativeNeedsABaselineInBoth) {
  TrialLog b = Log();
  for (ArchitectureLevel& level : b.run.experiment.architectures) {
    if (level.label == "old") level.label = "older";
  }
  for (TrialRecord& trial : b.trials) {
    if (trial.architecture == "old") trial.architecture = "older";
  }
  const RunComparison comparison = Compare(Log(), b);
  EXPECT_EQ(comparison.judged, Judged::kPlain);
  EXPECT_EQ(comparison.baseline, "");
  EXPECT_FALSE(comparison.cells[0].relative);
  EXPECT_THROW(Compare(Log(), b, Judged::kRelative), UsageError);
}

TEST(RunComparison, WarnsOfOtherEnvironmentsAndSettings) {
  const RunReport a = ReportOf(Log(), "a");
  const auto warnings = [&](const RunReport& b) {
    return CompareRuns(a, b, *FindMetric(kCpu), Judged::kAutomatic, std::nullopt).warnings;
  };
  EXPECT_THAT(warnings(ReportOf(Log(), "b")), IsEmpty());
  EXPECT_THAT(warnings(a), ElementsAre("A and B are the same run."));
  RunReport b = ReportOf(Log(), "b");
  b.environment["fingerprint"] = "8899aabbccddeeff";
  EXPECT_THAT(warnings(b), ElementsAre(HasSubstr("different versions of Crossover")));
  b.environment["kernel"] = "6.2.0\twith\x1b[31m";
  EXPECT_THAT(warnings(b), ElementsAre(HasSubstr("(A: 6.1.0, B: 6.2.0 with [31m)")));
  b = ReportOf(Log(), "b");
  b.environment.erase("fingerprint");
  EXPECT_THAT(warnings(b), ElementsAre(HasSubstr("has no fingerprint")));
  b = ReportOf(Log(), "b");
  b.counts_ksoftirqd = !b.counts_ksoftirqd;
  EXPECT_THAT(warnings(b), ElementsAre(HasSubstr("did not count ksoftirqd's time")));
  TrialLog log = Log();
  log.run.server_cpus = "0-1";
  log.run.experiment.load.duration_ns *= 2;
  log.run.experiment.load.request_timeout_ns *= 2;
  log.run.experiment.architectures[1].options.workers = 3;
  log.trials.pop_back();
  const auto found = warnings(ReportOf(log, "b"));
  EXPECT_THAT(found, Contains(HasSubstr("placement.server_cpus (A: 0, B: 0-1); load.duration")));
  EXPECT_THAT(found,
              Contains(HasSubstr(R"(new (A: {"label":"new","name":"new","options":{}}, B: {)")));
  EXPECT_THAT(found, Contains(HasSubstr("load.request_timeout (A: 30s, B: 60s)")));
  EXPECT_THAT(found, Contains("B is not complete."));
}

TEST(RunComparisonText, SaysWhatMustBeSaid) {
  const RunReport a = ReportOf(Log(), "a");
  RunReport b = ReportOf(Log(1.3, 1.05), "b");
  b.user_loop->median = 1300;
  b.environment["kernel"] = "6.2.0";
  const RunComparison comparison = CompareRuns(a, b, *FindMetric(kCpu), Judged::kAutomatic, 0.03);
  const std::string text = RenderRunComparison(a, b, comparison);
  EXPECT_THAT(text, HasSubstr("WARNING: The runs were made in different environments"));
  EXPECT_THAT(text, HasSubstr("the loop in user mode took 1.30 times as long in B as in A"));
  EXPECT_THAT(text, HasSubstr("Only ratios measured side by side in one run count as evidence"));
  EXPECT_THAT(text, HasSubstr("new at 2,000"));
  EXPECT_THAT(text, HasSubstr("1.050 (1.0"));
  EXPECT_THAT(text, HasSubstr("slower by more than 3 %\n"));
  EXPECT_THAT(text, HasSubstr("Gate: 1 cell shown to be worse by more than 3 %. Judged: 2 of 4"));
  EXPECT_THAT(text, HasSubstr("Verdicts are on the relative ratio"));
  const RunComparison plain = CompareRuns(a, b, *FindMetric(kCpu), Judged::kPlain, std::nullopt);
  EXPECT_THAT(RenderRunComparison(a, b, plain), HasSubstr("Verdicts are on B/A as it stands"));
  EXPECT_THAT(RenderRunComparison(a, b, plain), Not(HasSubstr("Gate")));
}

TEST(RunComparisonText, JsonHoldsTheSame) {
  const RunReport a = ReportOf(Log(), "a");
  RunReport b = ReportOf(Log(1.3, 1.05), "b");
  b.environment["kernel"] = "6.2.0";
  const nlohmann::ordered_json json =
      ToJson(a, b, CompareRuns(a, b, *FindMetric(kCpu), Judged::kAutomatic, 0.03));
  EXPECT_EQ(json["judged"], "relative");
  EXPECT_EQ(json["baseline"], "old");
  EXPECT_EQ(json["fail_if_slower"], 0.03);
  EXPECT_EQ(json["cells_beyond_limit"], 1);
  EXPECT_EQ(json["environment_differences"].dump(),
            R"([{"key":"kernel","a":"6.1.0","b":"6.2.0"}])");
  EXPECT_EQ(json["canary_b_over_a"]["user"], 1.0);
  EXPECT_TRUE(json["cells"][0]["relative"].is_null());
  EXPECT_NEAR(json["cells"][3]["relative"]["ratio"].get<double>(), 1.05, 1e-9);
  EXPECT_EQ(json["cells"][3]["beyond_limit"], true);
}

}  // namespace
}  // namespace crossover
