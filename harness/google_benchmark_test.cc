#include "harness/google_benchmark.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "harness/sample_trial.h"

namespace crossover {
namespace {

using nlohmann::ordered_json;

// What tools/compare.py (gbench/report.py) and github-action-benchmark's 'googlecpp' read of each
// entry; all of them index the keys, so that one less is a crash there.
void ExpectReadable(const ordered_json& document) {
  ASSERT_TRUE(document.at("context").is_object());
  for (const char* key : {"date", "host_name", "executable", "library_build_type"}) {
    EXPECT_TRUE(document["context"].at(key).is_string()) << key;
  }
  std::map<std::string, std::string> unit_of;
  for (const ordered_json& entry : document.at("benchmarks")) {
    const std::string name = entry.at("name").get<std::string>();
    EXPECT_EQ(unit_of.emplace(name, entry.at("time_unit")).first->second, entry["time_unit"]);
    EXPECT_TRUE(entry.at("real_time").is_number()) << name;
    EXPECT_TRUE(entry.at("cpu_time").is_number()) << name;
    EXPECT_TRUE(entry.at("iterations").is_number_integer()) << name;
    EXPECT_TRUE(entry.at("threads").is_number_integer()) << name;
    EXPECT_TRUE(entry.at("family_index").is_number_integer()) << name;
    EXPECT_TRUE(entry.at("per_family_instance_index").is_number_integer()) << name;
    if (entry.at("run_type") == "aggregate") {
      EXPECT_EQ(name, entry.at("run_name").get<std::string>() + "_" +
                          entry.at("aggregate_name").get<std::string>());
    } else {
      EXPECT_EQ(entry["run_type"], "iteration");
      EXPECT_EQ(name, entry.at("run_name"));
      EXPECT_TRUE(entry.at("repetition_index").is_number_integer()) << name;
    }
  }
}

std::vector<ordered_json> EntriesOf(const ordered_json& document, const std::string& name) {
  std::vector<ordered_json> found;
  for (const ordered_json& entry : document["benchmarks"]) {
    if (entry["name"] == name) found.push_back(entry);
  }
  return found;
}

TEST(GoogleBenchmark, HasAnEntryForEachRepetitionAndTheAggregates) {
  TrialLog log = CleanLog(3);
  const double throughput[] = {50'000, 40'000, 25'000};  // 20,000, 25,000 and 40,000 ns
  const double cpu_us[] = {10, 11, 15};
  for (TrialRecord& trial : log.trials) {
    SetMetric(trial.metrics, "throughput_rps", throughput[trial.repetition]);
    SetMetric(trial.metrics, "cpu_us_per_request", cpu_us[trial.repetition]);
  }
  const ordered_json document = ToGoogleBenchmark(log);
  ExpectReadable(document);
  EXPECT_EQ(document["benchmarks"].size(), 4u * (3 + 4));
  const auto entries = EntriesOf(document, "new/2000/hello");
  ASSERT_EQ(entries.size(), 3u);
  EXPECT_EQ(entries[1].dump(),
            R"({"name":"new/2000/hello","family_index":3,"per_family_instance_index":0,)"
            R"("run_name":"new/2000/hello","run_type":"iteration","repetitions":3,)"
            R"("repetition_index":1,"threads":1,"iterations":200000,"real_time":25000.0,)"
            R"("cpu_time":11000.0,"time_unit":"ns","items_per_second":40000.0})");
  const auto value = [&](const char* aggregate, const char* key) {
    const auto found = EntriesOf(document, std::string("new/2000/hello_") + aggregate);
    return found.size() == 1 ? found[0][key].get<double>() : -1;
  };
  EXPECT_NEAR(value("mean", "cpu_time"), 12'000, 1e-6);
  EXPECT_NEAR(value("median", "cpu_time"), 11'000, 1e-6);
  EXPECT_NEAR(value("stddev", "cpu_time"), 2645.7513110645905, 1e-6);  // sqrt(7) us, of n - 1
  EXPECT_NEAR(value("cv", "cpu_time"), 0.22047927592204922, 1e-12);
  EXPECT_NEAR(value("mean", "real_time"), 85'000.0 / 3, 1e-6);
  EXPECT_EQ(value("mean", "iterations"), 3);
}

TEST(GoogleBenchmark, LeavesOutWhatIsNotValidOrNotMeasured) {
  TrialLog log = CleanLog(3);
  for (TrialRecord& trial : log.trials) {
    const bool first = trial.repetition == 0;
    if (trial.connections == 100 && (trial.architecture == "new" || first)) {
      trial.verdict.reasons = {{.code = "noisy", .detail = "steal"}};
    }
    if (trial.connections == 2000 && trial.architecture == "new" && !first) {
      SetMetricUnavailable(trial.metrics, "cpu_us_per_request", "taskstats is off");
    }
  }
  const ordered_json document = ToGoogleBenchmark(log);
  ExpectReadable(document);
  EXPECT_TRUE(EntriesOf(document, "new/100/hello").empty());
  const auto old = EntriesOf(document, "old/100/hello");
  ASSERT_EQ(old.size(), 2u);
  EXPECT_EQ(old[0]["repetition_index"], 1);
  EXPECT_EQ(EntriesOf(document, "old/100/hello_mean").size(), 1u);
  EXPECT_EQ(EntriesOf(document, "new/2000/hello").size(), 1u);
  EXPECT_TRUE(EntriesOf(document, "new/2000/hello_mean").empty());  // of one, nobody makes a mean
}

TEST(GoogleBenchmark, ContextTellsOfTheMachineAndTheRun) {
  TrialLog log = CleanLog(2);
  ordered_json context = ToGoogleBenchmark(log)["context"];
  EXPECT_EQ(context["date"], "2026-11-22T22:00:00Z");
  EXPECT_EQ(context["num_cpus"], 2);
  EXPECT_EQ(context["crossover_run_id"], "20261122T220000Z-sample");
  EXPECT_FALSE(context.contains("cpu_scaling_enabled"));
  log.run.environment["governor"] = "powersave";
  log.run.environment["load_average_before"] = 0.5;
  context = ToGoogleBenchmark(log)["context"];
  EXPECT_EQ(context["cpu_scaling_enabled"], true);
  EXPECT_EQ(context["load_avg"].dump(), "[0.5]");
}

}  // namespace
}  // namespace crossover
