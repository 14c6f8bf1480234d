#include "harness/comparison.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "harness/sample_trial.h"

namespace crossover {
namespace {

std::vector<Comparison> CompareLog(const TrialLog& log) {
  return CompareCells(GatherCells(log), "old");
}

const Comparison* Find(const std::vector<Comparison>& comparisons, std::string_view metric,
                       int64_t connections) {
  const auto found = std::ranges::find_if(comparisons, [&](const Comparison& c) {
    return c.metric == metric && c.connections == connections;
  });
  return found == comparisons.end() ? nullptr : &*found;
}

TrialRecord& TrialOf(TrialLog& log, std::string_view architecture, int64_t connections,
                     size_t repetition) {
  return *std::ranges::find_if(log.trials, [&](const TrialRecord& trial) {
    return trial.architecture == architecture && trial.connections == connections &&
           trial.repetition == repetition;
  });
}

TEST(CompareCells, HoldsEachAgainstTheBaselineInTheSamePlace) {
  const std::vector<Comparison> comparisons = CompareLog(CleanLog(5));
  ASSERT_EQ(comparisons.size(), ComparedMetrics().size() * 2);
  const Comparison* throughput = Find(comparisons, "throughput_rps", 2000);
  ASSERT_NE(throughput, nullptr);
  EXPECT_EQ(throughput->architecture, "new");
  EXPECT_EQ(throughput->baseline, "old");
  EXPECT_EQ(throughput->pairs, 5u);
  // throughput_rps is the sample's first metric: 2000 against 1000 x (0.99, 1, 1.01, 0.99, 1).
  EXPECT_NEAR(throughput->ratio.ratio, 2 / std::pow(0.99 * 0.99 * 1.01, 0.2), 1e-9);
  EXPECT_EQ(VerdictInWords(*throughput), "higher");
  for (const Comparison& comparison : comparisons) {
    EXPECT_NE(FindMetric(comparison.metric), nullptr);
    EXPECT_TRUE(comparison.detected);
  }
}

TEST(CompareCells, HoldsEachAgainstTheBaselineUnderTheSameWorkload) {
  TrialLog log = CleanLog(5);
  log.run.experiment.workloads.push_back({.name = "other"});
  const size_t trials = log.trials.size();
  for (size_t i = 0; i < trials; ++i) {
    TrialRecord trial = log.trials[i];
    trial.workload = "other";
    trial.index += trials;
    // There the new one has a third of the old one's throughput.
    if (trial.architecture == "new") SetMetric(trial.metrics, "throughput_rps", 1000.0 / 3);
    log.trials.push_back(trial);
  }
  size_t found = 0;
  for (const Comparison& comparison : CompareLog(log)) {
    if (comparison.metric != "throughput_rps") continue;
    ++found;
    EXPECT_NEAR(comparison.ratio.ratio, comparison.workload == "hello" ? 2 : 1.0 / 3, 0.01);
  }
  EXPECT_EQ(found, 4u);  // two workloads at two numbers of connections
}

TEST(CompareCells, FindsNothingWhereOnlyNoiseDiffers) {
  TrialLog log = CleanLog(5);
  const double noise[] = {1.02, 0.97, 1.01, 0.99, 1.005};
  for (TrialRecord& trial : log.trials) {
    if (trial.architecture != "new") continue;
    for (auto& [name, reading] : trial.metrics) reading.value = 1000 * noise[trial.repetition];
  }
  for (const Comparison& comparison : CompareLog(log)) {
    EXPECT_EQ(VerdictInWords(comparison), "no detectable difference") << comparison.metric;
    EXPECT_LT(comparison.ratio.interval95->low, 1);
    EXPECT_GT(comparison.ratio.interval95->high, 1);
  }
}

TEST(CompareCells, CorrectsForTheirNumber) {
  // A single difference with p of about 0.02, among others that are none: alone it would count.
  TrialLog log = CleanLog(5);
  const double ratios[] = {1.01, 1.05, 1.03, 1.02, 1.005};
  for (TrialRecord& trial : log.trials) {
    const bool lone = trial.connections == 100;
    for (auto& [name, reading] : trial.metrics) {
      const bool differs = lone && name == "throughput_rps" && trial.architecture == "new";
      reading.value = 1000 * (differs ? ratios[trial.repetition] : 1);
    }
  }
  const std::vector<Comparison> comparisons = CompareLog(log);
  const Comparison* lone = Find(comparisons, "throughput_rps", 100);
  ASSERT_NE(lone, nullptr);
  EXPECT_LT(lone->ratio.probability, kComparisonLevel);
  EXPECT_GT(lone->ratio.interval95->low, 1);
  EXPECT_FALSE(lone->detected);
}

TEST(CompareCells, PairsOnlyRepetitionsThatAreValidOnBothSides) {
  TrialLog log = CleanLog(5);
  const Reason noisy{.code = "noisy", .detail = "steal"};
  TrialOf(log, "old", 100, 0).verdict.reasons = {noisy};
  TrialOf(log, "new", 100, 1).verdict.reasons = {noisy};
  SetMetricUnavailable(TrialOf(log, "new", 100, 2).metrics, "throughput_rps", "off");
  const std::vector<Comparison> comparisons = CompareLog(log);
  EXPECT_EQ(Find(comparisons, "throughput_rps", 100)->pairs, 2u);
  EXPECT_EQ(Find(comparisons, "cpu_us_per_request", 100)->pairs, 3u);
  EXPECT_EQ(Find(comparisons, "throughput_rps", 2000)->pairs, 5u);
}

TEST(CompareCells, LeavesOutCellsThatAreNotValid) {
  for (const char* side : {"old", "new"}) {
    TrialLog log = CleanLog(5);
    for (const size_t i : {0u, 1u, 2u}) {
      TrialOf(log, side, 2000, i).verdict.reasons = {{.code = "errors", .detail = "x"}};
    }
    const std::vector<Comparison> comparisons = CompareLog(log);
    EXPECT_EQ(Find(comparisons, "throughput_rps", 2000), nullptr) << side;
    EXPECT_NE(Find(comparisons, "throughput_rps", 100), nullptr) << side;
  }
}

TEST(CompareCells, SaysWhenAZeroHasNoRatio) {
  TrialLog log = CleanLog(3);
  for (size_t i = 0; i < 3; ++i) {
    SetMetric(TrialOf(log, "new", 100, i).metrics, "context_switches_per_request", 0);
  }
  SetMetric(TrialOf(log, "old", 2000, 1).metrics, "context_switches_per_request", 0);
  const std::vector<Comparison> comparisons = CompareLog(log);
  const Comparison* none = Find(comparisons, "context_switches_per_request", 100);
  ASSERT_NE(none, nullptr);
  EXPECT_EQ(none->pairs, 0u);
  EXPECT_EQ(none->pairs_not_positive, 3u);
  EXPECT_FALSE(none->detected);
  EXPECT_TRUE(ToJson(*none)["ratio"].is_null());
  const Comparison* some = Find(comparisons, "context_switches_per_request", 2000);
  EXPECT_EQ(some->pairs, 2u);
  EXPECT_EQ(some->pairs_not_positive, 1u);
}

TEST(CompareCells, DropsAMetricThatNobodyHas) {
  TrialLog log = CleanLog(3);
  for (TrialRecord& trial : log.trials) {
    SetMetricUnavailable(trial.metrics, "memory_bytes_per_connection", "no smaps");
  }
  EXPECT_EQ(Find(CompareLog(log), "memory_bytes_per_connection", 100), nullptr);
}

TEST(Comparison, GoesIntoJson) {
  Comparison comparison;
  comparison.metric = "throughput_rps";
  comparison.connections = 100;
  comparison.workload = "hello";
  comparison.architecture = "new";
  comparison.baseline = "old";
  comparison.ratio = {
      .ratio = 0.5, .interval95 = ConfidenceInterval{.low = 0.25, .high = 1}, .probability = 0};
  comparison.pairs = 5;
  comparison.detected = true;
  EXPECT_EQ(ToJson(comparison).dump(),
            R"({"metric":"throughput_rps","connections":100,"workload":"hello",)"
            R"("architecture":"new","baseline":"old","ratio":0.5,"ci95_low":0.25,)"
            R"("ci95_high":1.0,"pairs":5,"method":"interleaved","verdict":"lower"})");
  comparison.ratio.interval95.reset();
  EXPECT_TRUE(ToJson(comparison)["ci95_low"].is_null());
}

}  // namespace
}  // namespace crossover
