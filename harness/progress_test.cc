#include "harness/progress.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "base/clock.h"

namespace crossover {
namespace {

using testing::HasSubstr;
using testing::Not;

class ProgressTest : public testing::Test {
 protected:
  ProgressTest() {
    experiment_.name = "test";
    experiment_.repetitions = 2;
    experiment_.architectures = {{.name = "epoll-pool", .label = "epoll-pool", .options = {}}};
    experiment_.connections = {200, 8000};
    plan_.trials = {{.index = 0, .repetition = 0, .connections = 200},
                    {.index = 1, .repetition = 0, .connections = 8000},
                    {.index = 2, .repetition = 1, .connections = 200},
                    {.index = 3, .repetition = 1, .connections = 8000}};
  }

  Progress Make(bool terminal, int columns = 200) {
    return Progress(out_, terminal, columns, experiment_, plan_, [this] { return now_ns_; });
  }

  static TrialRecord Record(const PlannedTrial& trial, double seconds) {
    TrialRecord record;
    record.index = trial.index;
    record.repetition = trial.repetition;
    record.architecture = "epoll-pool";
    record.connections = trial.connections;
    record.workload = "hello";
    record.seconds = seconds;
    SetMetric(record.metrics, "throughput_rps", 186'012.4);
    SetMetric(record.metrics, "cpu_us_per_request", 5.234);
    SetMetricUnavailable(record.metrics, "context_switches_per_request", "refused");
    SetMetric(record.metrics, "latency_us_p99", 12'300);
    return record;
  }

  Experiment experiment_;
  Plan plan_;
  std::ostringstream out_;
  int64_t now_ns_ = 50 * kNsPerSecond;
};

TEST_F(ProgressTest, LiveLineSaysWhatHowFarAndHowLong) {
  Progress progress = Make(true);
  progress.Begin(plan_.trials[0]);
  now_ns_ += 10 * kNsPerSecond;
  progress.End(Record(plan_.trials[0], 10));
  progress.Begin(plan_.trials[1]);
  now_ns_ += 60 * kNsPerSecond;
  progress.End(Record(plan_.trials[1], 60));
  progress.Begin(plan_.trials[2]);
  now_ns_ += 4 * kNsPerSecond;
  progress.Stage("measuring");
  EXPECT_EQ(progress.LiveLine(),
            "[3/4] rep 2/2  epoll-pool  200 connections  measuring   elapsed 1 m 14 s  left about "
            "1 m 06 s");
  EXPECT_THAT(out_.str(), HasSubstr("\r\x1b[K[3/4] rep 2/2"));
}

TEST_F(ProgressTest, BeforeMeasuringItTrustsThePlan) {
  Progress progress = Make(false);
  EXPECT_DOUBLE_EQ(progress.SecondsLeft(), EstimatePlanSeconds(experiment_, plan_));
}

TEST_F(ProgressTest, LearnsPerConnectionsAndNeverGoesBelowZero) {
  Progress progress = Make(false);
  progress.Skip(Record(plan_.trials[0], 3));
  progress.Skip(Record(plan_.trials[1], 20));
  EXPECT_DOUBLE_EQ(progress.SecondsLeft(), 23);
  progress.Begin(plan_.trials[2]);
  now_ns_ += 60 * kNsPerSecond;
  EXPECT_DOUBLE_EQ(progress.SecondsLeft(), 20);
}

TEST_F(ProgressTest, FailedTrialsTeachNothing) {
  Progress progress = Make(false);
  TrialRecord record = Record(plan_.trials[0], 0.1);
  record.verdict.reasons = {{.code = "failed", .detail = "the server ended"}};
  progress.Skip(record);
  const double left =
      EstimatePlanSeconds(experiment_, plan_) - EstimateTrialSeconds(experiment_, plan_.trials[0]);
  EXPECT_NEAR(progress.SecondsLeft(), left, 1e-9);
}

TEST_F(ProgressTest, PlainLinesOnlyWhereThereIsNoTerminal) {
  {
    Progress progress = Make(false);
    progress.Begin(plan_.trials[1]);
    progress.Stage("measuring");
    progress.Tick();
    progress.End(Record(plan_.trials[1], 9));
  }
  EXPECT_EQ(out_.str(),
            "[2/4] rep 1/2  epoll-pool  8,000 connections  186,012 requests/s  5.23 us "
            "CPU/request  - switches/request  p99 12 ms  valid\n");
}

TEST_F(ProgressTest, TheLiveLineNeverWraps) {
  Progress progress = Make(true, 40);
  progress.Begin(plan_.trials[1]);
  const std::string text = out_.str();
  EXPECT_EQ(text.size(), std::string("\r\x1b[K").size() + 39);
}

TEST_F(ProgressTest, TheEndLeavesAFreshLine) {
  {
    Progress progress = Make(true);
    progress.Begin(plan_.trials[1]);
  }
  EXPECT_TRUE(out_.str().ends_with("\r\x1b[K"));
}

TEST_F(ProgressTest, HeadlineTellsWhyNotValid) {
  TrialRecord record = Record(plan_.trials[0], 1);
  record.verdict.reasons = {{.code = "starved", .detail = "3 connections got nothing"},
                            {.code = "noisy", .detail = "steal"}};
  EXPECT_THAT(Headline(record), HasSubstr("INVALID starved, noisy (3 connections got nothing)"));
  record.metrics.clear();
  EXPECT_THAT(Headline(record), Not(HasSubstr("requests/s")));
}

}  // namespace
}  // namespace crossover
