#include "harness/cell.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness/sample_trial.h"

namespace crossover {
namespace {

using testing::ElementsAre;
using testing::Eq;
using testing::Optional;

// One cell, whose throughput is 10, 20, 30, ... in its repetitions.
class OneCell : public testing::Test {
 protected:
  explicit OneCell(int64_t repetitions = 5) {
    log_ = CleanLog(repetitions);
    log_.trials.clear();
    for (size_t i = 0; i < static_cast<size_t>(repetitions); ++i) {
      log_.trials.push_back(CleanTrial(i, i, "old", 100, 0));
      SetMetric(log_.trials[i].metrics, "throughput_rps", 10.0 * static_cast<double>(i + 1));
    }
  }

  void Invalidate(size_t repetition, const char* code, const char* detail = "because") {
    log_.trials[repetition].verdict.reasons.push_back({.code = code, .detail = detail});
  }

  Cell First() { return GatherCells(log_)[0]; }
  CellMetric Throughput() { return SummariseMetric(First(), "throughput_rps"); }

  TrialLog log_;
};

TEST(GatherCells, ListsEveryCellInTheExperimentsOrder) {
  TrialLog log = CleanLog(2);
  std::swap(log.trials[0], log.trials[7]);  // the order of the run does not matter
  const std::vector<Cell> cells = GatherCells(log);
  ASSERT_EQ(cells.size(), 4u);
  std::vector<std::string> names;
  for (const Cell& cell : cells) {
    names.push_back(cell.architecture + "@" + std::to_string(cell.connections));
    EXPECT_EQ(cell.done, 2u);
    EXPECT_TRUE(cell.valid);
    for (size_t i = 0; i < 2; ++i) {
      ASSERT_NE(cell.repetitions[i], nullptr);
      EXPECT_EQ(cell.repetitions[i]->repetition, i);
      EXPECT_EQ(cell.repetitions[i]->architecture, cell.architecture);
      EXPECT_EQ(cell.repetitions[i]->connections, cell.connections);
    }
  }
  EXPECT_THAT(names, ElementsAre("old@100", "new@100", "old@2000", "new@2000"));
}

TEST_F(OneCell, SummarisesItsRepetitions) {
  const CellMetric metric = Throughput();
  EXPECT_THAT(metric.median, Optional(30.0));
  EXPECT_THAT(metric.interval95, Optional(ConfidenceInterval{.low = 10, .high = 50}));
  EXPECT_EQ(metric.repetitions.size(), 5u);
  EXPECT_EQ(metric.unavailable, "");
}

TEST_F(OneCell, LeavesOutInvalidRepetitionsWhileMostAreValid) {
  Invalidate(0, "noisy");
  Invalidate(1, "errors");
  EXPECT_TRUE(First().valid);
  const CellMetric metric = Throughput();
  EXPECT_THAT(metric.median, Optional(40.0));          // of 30, 40, 50
  EXPECT_THAT(metric.repetitions[0], Optional(10.0));  // shown all the same
}

TEST_F(OneCell, CountsAllRepetitionsOnceMostAreInvalid) {
  for (const size_t i : {0u, 1u, 2u}) Invalidate(i, "noisy");
  EXPECT_FALSE(First().valid);
  EXPECT_THAT(Throughput().median, Optional(30.0));
}

TEST_F(OneCell, IsInvalidWhenJustHalfIsValid) {
  log_.trials.pop_back();
  EXPECT_TRUE(First().valid);
  Invalidate(0, "noisy");
  Invalidate(1, "noisy");
  EXPECT_FALSE(First().valid);
}

TEST_F(OneCell, ThatWasNeverRunIsNotValidAndSaysWhy) {
  log_.trials.clear();
  const Cell cell = First();
  EXPECT_FALSE(cell.valid);
  EXPECT_EQ(cell.done, 0u);
  const CellMetric metric = Throughput();
  EXPECT_EQ(metric.median, std::nullopt);
  EXPECT_EQ(metric.unavailable, "no trial of this cell was done");
  EXPECT_EQ(metric.repetitions.size(), 5u);
}

TEST_F(OneCell, GivesTheCommonestReasonForWhatIsMissing) {
  const char* const reasons[] = {"refused", "off", "off", "refused", "off"};
  for (size_t i = 0; i < 5; ++i) {
    SetMetricUnavailable(log_.trials[i].metrics, "throughput_rps", reasons[i]);
  }
  EXPECT_EQ(Throughput().unavailable, "off");
  SetMetric(log_.trials[2].metrics, "throughput_rps", 7);
  EXPECT_THAT(Throughput().median, Optional(7.0));
  EXPECT_EQ(Throughput().interval95, std::nullopt);
  EXPECT_EQ(Throughput().unavailable, "");
  log_.trials[2].metrics.erase("throughput_rps");
  EXPECT_EQ(Throughput().unavailable, "off");
}

TEST_F(OneCell, GroupsReasonsByCodeInTheirOrder) {
  Invalidate(1, "noisy", "steal 5 %");
  Invalidate(2, "noisy", "steal 9 %");
  Invalidate(2, "starved", "7 connections");
  const auto json = ToJson(First());
  EXPECT_EQ(json["verdict"].dump(),
            R"({"valid":true,"reasons":[{"code":"starved","trials":1,"detail":"7 connections"},)"
            R"({"code":"noisy","trials":2,"detail":"steal 5 %"}]})");
  EXPECT_EQ(json["trials"].dump(), R"({"planned":5,"done":5,"valid":3})");
  EXPECT_EQ(json["repetition_valid"].dump(), "[true,false,false,true,true]");
}

TEST_F(OneCell, GoesIntoJsonWithItsGaps) {
  log_.trials.erase(log_.trials.begin() + 1);
  SetMetricUnavailable(log_.trials[1].metrics, "throughput_rps", "off");
  const auto json = ToJson(First());
  EXPECT_EQ(json["metrics"]["throughput_rps"].dump(),
            R"({"unit":"requests/s","median":40.0,"ci95_low":10.0,"ci95_high":50.0,)"
            R"("repetitions":[10.0,null,null,40.0,50.0]})");
  EXPECT_EQ(json["repetition_valid"].dump(), "[true,false,true,true,true]");
  ASSERT_EQ(json["metrics"].size(), MetricCatalogue().size());
  size_t at = 0;
  for (const auto& [name, entry] : json["metrics"].items()) {
    EXPECT_EQ(name, MetricCatalogue()[at++].name);
  }
}

}  // namespace
}  // namespace crossover
