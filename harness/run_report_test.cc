#include "harness/run_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "harness/report.h"
#include "harness/sample_trial.h"

namespace crossover {
namespace {

using nlohmann::ordered_json;
using testing::HasSubstr;

RunReport Parse(const ordered_json& report, const char* metric = "cpu_us_per_request") {
  return ParseRunReport(report.dump(), "run/report.json", metric);
}

std::string Refusal(const ordered_json& report) {
  try {
    Parse(report);
  } catch (const UsageError& error) {
    return error.what();
  }
  return "not refused";
}

TEST(RunReport, HoldsWhatTheReportSays) {
  TrialLog log = CleanLog(3);
  log.trials[2].verdict.reasons = {{.code = "noisy", .detail = "steal"}};  // repetition 0
  const RunReport report = Parse(BuildReport(log));
  EXPECT_EQ(report.run_id, "20261122T220000Z-sample");
  EXPECT_TRUE(report.complete);
  EXPECT_EQ(report.environment["kernel"], "6.1.0");
  ASSERT_EQ(report.cells.size(), 4u);
  EXPECT_EQ(report.cells[0].architecture, "old");
  const ReportedCell& noisy = report.cells[2];
  EXPECT_EQ(noisy.connections, 2000);
  EXPECT_TRUE(noisy.valid);
  EXPECT_EQ(noisy.reasons, "noisy");
  ASSERT_EQ(noisy.values.size(), 3u);
  EXPECT_FALSE(noisy.values[0]);  // not valid, and so not counted
  EXPECT_TRUE(noisy.values[1]);
  EXPECT_NEAR(*noisy.median, (*noisy.values[1] + *noisy.values[2]) / 2, 1e-9);
  ASSERT_TRUE(report.user_loop);
  EXPECT_EQ(report.user_loop->median, 1000);
  EXPECT_EQ(report.system_call_loop->max, 500);
}

TEST(RunReport, WithoutTheMetricOrTheCanary) {
  TrialLog log = CleanLog(2);
  for (TrialRecord& trial : log.trials) {
    trial.canary.reset();
    SetMetricUnavailable(trial.metrics, "cpu_us_per_request", "taskstats is off");
  }
  RunReport report = Parse(BuildReport(log));
  EXPECT_FALSE(report.user_loop);
  EXPECT_FALSE(report.cells[0].median);
  EXPECT_EQ(report.cells[0].unavailable, "taskstats is off");
  report = Parse(BuildReport(log), "a_metric_of_later");
  EXPECT_EQ(report.cells[0].unavailable, "not in this report");
}

TEST(RunReport, RefusesInOneLineThatSaysWhere) {
  const ordered_json good = BuildReport(CleanLog(2));
  EXPECT_EQ(Refusal(good), "not refused");
  ordered_json bad = good;
  bad["schema_version"] = 2;
  EXPECT_EQ(Refusal(bad), "run/report.json: schema_version: this program reads version 1 only");
  bad = good;
  bad.erase("cells");
  EXPECT_THAT(Refusal(bad), HasSubstr("run/report.json: the key 'cells' is missing"));
  bad["cells"] = ordered_json::array();
  EXPECT_THAT(Refusal(bad), HasSubstr("cells: is empty"));
  bad = good;
  bad["cells"][1]["metrics"]["cpu_us_per_request"]["repetitions"][0] = "fast";
  EXPECT_THAT(Refusal(bad), HasSubstr("cells[1].metrics.cpu_us_per_request.repetitions[0]: must"));
  bad = good;
  bad["cells"][1]["repetition_valid"].push_back(true);
  EXPECT_THAT(Refusal(bad), HasSubstr("cells[1].repetition_valid: is not as long"));
  bad = good;
  bad["cells"][0]["architecture"] = "esc\x1b[31m";
  EXPECT_THAT(Refusal(bad), HasSubstr("cells[0].architecture: must be a name"));
  bad = good;
  bad["canary"]["user_ns"]["min"] = 0;
  EXPECT_THAT(Refusal(bad), HasSubstr("canary.user_ns: must be times above 0"));
  EXPECT_THAT(Refusal("a text"), HasSubstr("must be an object"));
}

TEST(RunReport, AFileThatIsNotThere) {
  EXPECT_THROW(ReadRunReport("/nonexistent/run", "cpu_us_per_request"), UsageError);
  EXPECT_THROW(ReadRunReport("/", "cpu_us_per_request"), UsageError);  // no report.json in it
}

}  // namespace
}  // namespace crossover
