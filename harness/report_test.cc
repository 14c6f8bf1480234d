#include "harness/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/error.h"
#include "harness/load_metrics.h"
#include "harness/sample_trial.h"
#include "harness/summary.h"

namespace crossover {
namespace {

using nlohmann::ordered_json;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

std::vector<std::string> NotesOf(const TrialLog& log) {
  return BuildReport(log)["notes"].get<std::vector<std::string>>();
}

void Invalidate(TrialLog& log, std::string_view architecture, int64_t connections,
                const char* code) {
  for (TrialRecord& trial : log.trials) {
    if (trial.architecture == architecture && trial.connections == connections) {
      trial.verdict.reasons = {{.code = code, .detail = "12 % | <idle>"}};
    }
  }
}

TEST(Report, HoldsItsPartsInReadingOrder) {
  const ordered_json report = BuildReport(CleanLog(5));
  std::vector<std::string> keys;
  for (const auto& [key, value] : report.items()) keys.push_back(key);
  EXPECT_THAT(keys,
              ElementsAre("schema_version", "run_id", "created_utc", "complete", "trials_planned",
                          "trials_done", "experiment", "environment", "placement", "statistics",
                          "cells", "comparisons", "canary", "notes"));
  EXPECT_EQ(report["complete"], true);
  EXPECT_EQ(report["trials_planned"], 20);
  EXPECT_EQ(report["cells"].size(), 4u);
  EXPECT_EQ(report["experiment"]["load"]["duration"], "4s");
  EXPECT_EQ(report["canary"]["user_ns"].dump(), R"({"median":1000.0,"min":1000.0,"max":1000.0})");
  EXPECT_EQ(report["canary"]["loopback_ns"]["median"], 700);
  EXPECT_EQ(BuildReport(CleanLog(5)).dump(), report.dump());
}

TEST(Report, OfAnInterruptedRunSaysSo) {
  TrialLog log = CleanLog(5);
  log.trials.resize(7);
  log.last_line_cut = true;
  const ordered_json report = BuildReport(log);
  EXPECT_EQ(report["complete"], false);
  EXPECT_EQ(report["trials_done"], 7);
  EXPECT_THAT(NotesOf(log), Contains("The run is not complete: 7 of 20 trials were done."));
  EXPECT_THAT(NotesOf(log), Contains(HasSubstr("cut off")));
  EXPECT_THAT(NotesOf(CleanLog(5)), Not(Contains(HasSubstr("cut off"))));
  EXPECT_THAT(NotesOf(CleanLog(5)), Not(Contains(HasSubstr("not complete"))));
}

TEST(Report, WithoutASingleTrialIsStillOne) {
  TrialLog log = CleanLog(2);
  log.trials.clear();
  const ordered_json report = BuildReport(log);
  EXPECT_EQ(report["cells"].size(), 4u);
  EXPECT_TRUE(report["comparisons"].empty());
  EXPECT_TRUE(report["canary"].is_null());
  EXPECT_THAT(RenderSummary(report), HasSubstr("not run"));
}

TEST(Notes, TellOfTheCpus) {
  TrialLog log = CleanLog(5);
  EXPECT_THAT(NotesOf(log)[0], StartsWith("One CPU for the server"));
  EXPECT_THAT(NotesOf(log), Not(Contains(HasSubstr("shared CPU"))));
  log.run.server_cpus = "0-1";
  log.run.client_cpus = "1-3";
  EXPECT_THAT(NotesOf(log), Not(Contains(HasSubstr("One CPU for the server"))));
  EXPECT_THAT(NotesOf(log), Contains(HasSubstr("shared CPU 1:")));
}

TEST(Notes, NameCellsThatTheClientLimitedAndThatAreNotValid) {
  TrialLog log = CleanLog(5);
  EXPECT_THAT(NotesOf(log), Not(Contains(HasSubstr("load generator, not the server"))));
  EXPECT_THAT(NotesOf(log), Not(Contains(HasSubstr("Not valid"))));
  Invalidate(log, "new", 2000, "client_limited");
  Invalidate(log, "old", 100, "errors");
  EXPECT_THAT(NotesOf(log), Contains(HasSubstr("limit in new at 2,000 (5 of 5 trials); thr")));
  EXPECT_THAT(NotesOf(log),
              Contains("Not valid, and so not compared: old at 100 and new at 2,000."));
}

TEST(Notes, TellOfDrift) {
  TrialLog log = CleanLog(5);
  log.trials[3].canary->user_ns = 1500;
  log.trials[4].canary->syscall_ns = 400;
  EXPECT_THAT(NotesOf(log), Contains(HasSubstr("user-mode loop on the server's CPUs took 1.50 ")));
  EXPECT_THAT(NotesOf(log), Contains(HasSubstr("system-call loop on the server's CPUs took 1.25")));
  for (TrialRecord& trial : log.trials) trial.canary.reset();
  EXPECT_THAT(NotesOf(log), Not(Contains(HasSubstr("Drift"))));
}

TEST(Notes, GroupMissingMetricsByReason) {
  TrialLog log = CleanLog(5);
  EXPECT_THAT(NotesOf(log), Not(Contains(StartsWith("Not available"))));
  for (TrialRecord& trial : log.trials) {
    SetMetricUnavailable(trial.metrics, "time_slice_us", "taskstats is off");
    SetMetricUnavailable(trial.metrics, "wait_us_per_dispatch", "taskstats is off");
    if (trial.architecture == "new") {
      SetMetricUnavailable(trial.metrics, "steal_ratio", "no /proc/stat");
    }
  }
  EXPECT_THAT(NotesOf(log),
              Contains("Not available: wait_us_per_dispatch and time_slice_us: taskstats is off."));
  EXPECT_THAT(NotesOf(log), Contains("Not available: steal_ratio in 2 cells: no /proc/stat."));
}

TEST(Notes, OwnUpToWhatFewRepetitionsCanTell) {
  EXPECT_THAT(NotesOf(CleanLog(1)), Contains(StartsWith("One repetition")));
  EXPECT_THAT(NotesOf(CleanLog(3)), Contains(HasSubstr("covers 75.0 %, not 95 %")));
  EXPECT_THAT(NotesOf(CleanLog(5)), Contains(HasSubstr("covers 93.8 %, not 95 %")));
  EXPECT_THAT(NotesOf(CleanLog(6)), Not(Contains(HasSubstr("not 95 %"))));
  EXPECT_THAT(NotesOf(CleanLog(5)),
              Contains(HasSubstr("correction over the comparisons of each metric")));
}

TEST(Summary, SaysWhatDiffersInWords) {
  TrialLog log = CleanLog(5);
  const std::string text = RenderSummary(BuildReport(log));
  // Sample: "new" has twice the throughput, and so on; the factor never is a fraction.
  EXPECT_THAT(text, HasSubstr("- At 2,000 connections new serves 2.00 times (1.98 to 2.03) the "
                              "requests per second of old.\n"));
  for (TrialRecord& trial : log.trials) {
    if (trial.architecture == "new") SetMetric(trial.metrics, "throughput_rps", 500);
  }
  EXPECT_THAT(RenderSummary(BuildReport(log)),
              HasSubstr("- At 2,000 connections old serves 2.00 times (1.98 to 2.02) the requests "
                        "per second of new.\n"));
}

TEST(Summary, SaysWhatDoesNotDiffer) {
  TrialLog log = CleanLog(5);
  for (TrialRecord& trial : log.trials) {
    if (trial.architecture == "new") SetMetric(trial.metrics, "throughput_rps", 996);
  }
  const std::string text = RenderSummary(BuildReport(log));
  EXPECT_THAT(text, HasSubstr("- At 100 connections no difference in throughput was detected "
                              "between old and new, whose ratio is 1.00 (0.992 to 1.01)"));
  EXPECT_THAT(text, Not(HasSubstr("serves")));
}

TEST(Summary, NamesInvalidCellsAndEscapesTheirDetails) {
  TrialLog log = CleanLog(5);
  EXPECT_THAT(RenderSummary(BuildReport(log)), Not(HasSubstr("not valid\n")));
  Invalidate(log, "new", 2000, "client_limited");
  const std::string text = RenderSummary(BuildReport(log));
  EXPECT_THAT(text, HasSubstr("- new at 2,000 connections: client_limited in 5 of 5 trials (first: "
                              "12 % \\| \\<idle\\>)\n"));
  EXPECT_THAT(text, HasSubstr("| **not valid** 0/5: client_limited x 5 |"));
  EXPECT_THAT(text, HasSubstr("| valid 5/5 |"));
}

TEST(Summary, ShowsMediansWithIntervalsOrNothingAtAll) {
  TrialLog log = CleanLog(5);
  const double p99[] = {11'000, 12'000, 13'000, 14'000, 15'000};
  for (TrialRecord& trial : log.trials) {
    if (trial.architecture != "old") continue;
    SetMetric(trial.metrics, "latency_us_p99", p99[trial.repetition]);
    SetMetricUnavailable(trial.metrics, "run_queue_wait_us_per_request", "off");
  }
  const std::string text = RenderSummary(BuildReport(log));
  EXPECT_THAT(text, HasSubstr("| 13.0 (11.0 to 15.0) |"));
  EXPECT_THAT(text, HasSubstr("| n/a |"));
  EXPECT_THAT(text, HasSubstr("](charts/overview.svg)"));
  EXPECT_THAT(text, HasSubstr("| cpu_model | Some CPU |"));
}

// A run as CleanLog's with a second workload, in which every second metric is as in the first.
TrialLog TwoWorkloads() {
  TrialLog log = CleanLog(2);
  log.run.experiment.workloads.push_back({.name = "echo", .method = "POST", .path = "/echo"});
  const size_t trials = log.trials.size();
  for (size_t i = 0; i < trials; ++i) {
    TrialRecord trial = log.trials[i];
    trial.workload = "echo";
    trial.index += trials;
    log.trials.push_back(trial);
  }
  return log;
}

TEST(Summary, TellsWorkloadsApart) {
  const std::string text = RenderSummary(BuildReport(TwoWorkloads()));
  EXPECT_THAT(text, HasSubstr("### 100 connections\n\n| workload | architecture |"));
  EXPECT_THAT(text, HasSubstr("\n| hello | old |"));
  EXPECT_THAT(text, HasSubstr("\n| echo | new |"));
  EXPECT_THAT(text, HasSubstr("(charts/)"));
  // One table for each metric instead of a sentence for each comparison.
  EXPECT_THAT(text, HasSubstr("### throughput, as a multiple of old's\n\n"
                              "| workload | connections | new |\n|---|---:|---:|\n"
                              "| hello | 100 | **2.01 ("));
  EXPECT_THAT(text, HasSubstr("\n| echo | 2,000 | **2.01 ("));
  EXPECT_THAT(text, Not(HasSubstr("- At 100 connections")));
}

TEST(Summary, EveryTableHasAsManyColumnsInEachRow) {
  std::istringstream text(RenderSummary(BuildReport(TwoWorkloads())));
  std::ptrdiff_t columns = 0;
  size_t rows = 0;
  for (std::string line; std::getline(text, line); ++rows) {
    const auto bars = std::ranges::count(line, '|');
    if (columns != 0 && bars != 0) {
      EXPECT_EQ(bars, columns) << line;
    }
    columns = bars;
  }
  EXPECT_GT(rows, 40u);
}

TEST(Summary, ShowsWhatOnlyAnOpenLoopHasOnlyThere) {
  TrialLog log = CleanLog(2);
  EXPECT_THAT(RenderSummary(BuildReport(log)), HasSubstr("| shed, % |"));
  for (TrialRecord& trial : log.trials) {
    for (const char* name : {"offered_rps", "shed_share", "unanswered_share"}) {
      SetMetricUnavailable(trial.metrics, name, kOpenLoopOnly);
    }
  }
  EXPECT_THAT(RenderSummary(BuildReport(log)), Not(HasSubstr("shed, %")));
  EXPECT_THAT(NotesOf(log), Not(Contains(HasSubstr("offered_rps"))));
  log.run.experiment.workloads[0].rate_percent = 50;
  log.run.experiment.workloads[0].percent_of = "closed";
  EXPECT_THAT(NotesOf(log), Contains(HasSubstr("latency counts from when a request was due")));
  EXPECT_THAT(NotesOf(log), Contains(HasSubstr("own throughput under closed")));
}

class RunDirectory : public testing::Test {
 protected:
  RunDirectory() {
    std::string pattern = testing::TempDir() + "/reportXXXXXX";
    EXPECT_NE(::mkdtemp(pattern.data()), nullptr);
    path_ = pattern;
  }
  ~RunDirectory() override { std::filesystem::remove_all(path_); }

  void WriteTrials(const std::string& ending = "") {
    const TrialLog log = CleanLog(2);
    std::ofstream file(path_ / "trials.jsonl");
    file << ToJson(log.run).dump() << "\n";
    for (const TrialRecord& trial : log.trials) file << ToJson(trial).dump() << "\n";
    file << ending;
  }

  std::string Read(const char* name) {
    std::ostringstream text;
    text << std::ifstream(path_ / name).rdbuf();
    return text.str();
  }

  std::filesystem::path path_;
};

TEST_F(RunDirectory, GetsItsThreeFilesAndNothingElse) {
  WriteTrials();
  const ordered_json report = WriteReport(path_);
  EXPECT_EQ(ordered_json::parse(Read("report.json")), report);
  EXPECT_EQ(Read("summary.md"), RenderSummary(report));
  const std::string first = Read("report.json");
  WriteReport(path_);  // again, over the old ones
  EXPECT_EQ(Read("report.json"), first);
  const auto entries = std::filesystem::directory_iterator(path_);
  EXPECT_EQ(std::distance(begin(entries), end(entries)), 4);
  EXPECT_EQ(ordered_json::parse(Read("benchmark.json"))["benchmarks"].size(), 4u * (2 + 4));
}

TEST_F(RunDirectory, WithACutLineGetsANote) {
  WriteTrials("{\"type\":\"tri");
  EXPECT_THAT(WriteReport(path_)["notes"].get<std::vector<std::string>>(),
              Contains(HasSubstr("cut off")));
}

TEST_F(RunDirectory, KeepsItsReportIfTheTrialsAreBad) {
  WriteTrials();
  WriteReport(path_);
  const std::string before = Read("report.json");
  WriteTrials("garbage\n");
  EXPECT_THROW(WriteReport(path_), UsageError);
  EXPECT_EQ(Read("report.json"), before);
  EXPECT_THROW(WriteReport(path_ / "missing"), UsageError);
}

}  // namespace
}  // namespace crossover
