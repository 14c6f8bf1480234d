#include "harness/tune.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

namespace crossover {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

std::vector<std::string> LabelsOf(const std::vector<ArchitectureLevel>& levels) {
  std::vector<std::string> labels;
  for (const ArchitectureLevel& level : levels) labels.push_back(level.label);
  return labels;
}

ArchitectureLevel Level(const std::string& name) {
  return {.name = name, .label = name, .options = {}};
}

TEST(Tune, VariesOneKnobAtATimeAndOnlyThoseThatThereAre) {
  EXPECT_THAT(LabelsOf(VariantsOf(Level("thread-per-connection"), 2)),
              ElementsAre("thread-per-connection", "thread-per-connection.stack-65536",
                          "thread-per-connection.stack-1048576"));
  EXPECT_THAT(
      LabelsOf(VariantsOf(Level("dispatch-pool"), 2)),
      ElementsAre("dispatch-pool", "dispatch-pool.workers-4", "dispatch-pool.workers-8",
                  "dispatch-pool.batch-16", "dispatch-pool.batch-128", "dispatch-pool.batch-4096"));
  EXPECT_THAT(LabelsOf(VariantsOf(Level("nobody-knows"), 2)), ElementsAre("nobody-knows"));
}

TEST(Tune, LeavesAloneWhatTheExperimentSets) {
  ArchitectureLevel level = Level("epoll-pool");
  level.options.workers = 16;
  const auto variants = VariantsOf(level, 1);
  EXPECT_THAT(LabelsOf(variants), Not(Contains(HasSubstr("workers"))));
  EXPECT_EQ(variants[1].label, "epoll-pool.batch-16");
  EXPECT_EQ(variants[1].options.batch, 16);
  EXPECT_EQ(variants[1].options.workers, 16);
}

TEST(Tune, SweepsOneArchitectureAtTheSameLoad) {
  Experiment experiment;
  experiment.architectures = {Level("thread-per-connection"), Level("epoll-pool")};
  experiment.connections = {200, 8000};
  experiment.workloads = {Workload{.name = "closed"},
                          Workload{.name = "half", .rate_percent = 50, .percent_of = "closed"}};
  const Experiment sweep = SweepOf(experiment, 1, 1);
  EXPECT_EQ(sweep.name, "tune-epoll-pool");
  EXPECT_EQ(sweep.architectures.front(), experiment.architectures[1]);
  EXPECT_EQ(sweep.connections, experiment.connections);
  ASSERT_EQ(sweep.workloads.size(), 1u);
  EXPECT_EQ(sweep.workloads[0].name, "closed");
}

// A sweep of one baseline, "mine", and two variants over two cells in six repetitions, in which
// the machine drifts by half.
class Winners : public testing::Test {
 protected:
  struct Factors {
    double cpu = 1;
    double throughput = 1;
    double p99 = 1;
  };

  Winners() {
    Experiment& experiment = sweep_.run.experiment;
    experiment.repetitions = 6;
    experiment.connections = {200, 8000};
    experiment.architectures = {Level("epoll-pool"), Level("epoll-pool"), Level("epoll-pool")};
    experiment.architectures[0].label = "mine";
    experiment.architectures[1].label = "mine.batch-16";
    experiment.architectures[1].options.batch = 16;
    experiment.architectures[2].label = "mine.batch-128";
    experiment.architectures[2].options.batch = 128;
  }

  const TrialLog& Sweep(const std::map<std::string, Factors>& factors) {
    for (size_t repetition = 0; repetition < 6; ++repetition) {
      for (const ArchitectureLevel& level : sweep_.run.experiment.architectures) {
        for (const int64_t connections : sweep_.run.experiment.connections) {
          const auto found = factors.find(level.label);
          const Factors each = found == factors.end() ? Factors{} : found->second;
          const double noise =
              1 + 0.001 * static_cast<double>((repetition * 7 + level.label.size()) % 5);
          const double drift = 10 + static_cast<double>(repetition);
          TrialRecord trial;
          trial.index = sweep_.trials.size();
          trial.repetition = repetition;
          trial.architecture = level.label;
          trial.connections = connections;
          trial.workload = "hello";
          SetMetric(trial.metrics, "cpu_us_per_request", drift * noise * each.cpu);
          SetMetric(trial.metrics, "throughput_rps", 1e6 / drift * each.throughput);
          SetMetric(trial.metrics, "latency_us_p99", 100 * drift * each.p99);
          sweep_.trials.push_back(std::move(trial));
        }
      }
    }
    return sweep_;
  }

  TrialLog sweep_;
};

TEST_F(Winners, AreTheLowestOfThoseFound) {
  const Winner winner =
      ChooseWinner(Sweep({{"mine.batch-16", {.cpu = 0.95}}, {"mine.batch-128", {.cpu = 0.9}}}));
  EXPECT_EQ(winner.variant, "mine.batch-128");
  EXPECT_EQ(winner.level.label, "mine");
  EXPECT_EQ(winner.level.options.batch, 128);
  EXPECT_NEAR(winner.cpu_ratio, 0.9, 0.003);
  EXPECT_THAT(winner.reason, HasSubstr("mine.batch-128: 0.9"));
}

TEST_F(Winners, AreNotBoughtWithThroughputOrLatency) {
  EXPECT_EQ(ChooseWinner(Sweep({{"mine.batch-16", {.cpu = 0.8, .throughput = 0.5}},
                                {"mine.batch-128", {.cpu = 0.8, .p99 = 3}}}))
                .variant,
            "mine");
}

TEST_F(Winners, AreNotNoise) {
  const Winner winner = ChooseWinner(Sweep({}));
  EXPECT_EQ(winner.level, sweep_.run.experiment.architectures[0]);
  EXPECT_EQ(winner.reason, "as it stands: none of 2 variants was found better");
}

TEST_F(Winners, NeedValidTrialsInEveryCell) {
  Sweep({{"mine.batch-16", {.cpu = 0.8}}});
  for (TrialRecord& trial : sweep_.trials) {
    if (trial.architecture == "mine.batch-16" && trial.connections == 8000) {
      trial.verdict.reasons.push_back({.code = "starved", .detail = "x"});
    }
  }
  EXPECT_EQ(ChooseWinner(sweep_).reason,
            "as it stands: none of 1 variants was found better; 1 could not be compared");
  for (TrialRecord& trial : sweep_.trials) {
    if (trial.architecture == "mine")
      trial.verdict.reasons.push_back({.code = "noisy", .detail = "x"});
  }
  EXPECT_EQ(ChooseWinner(sweep_).reason,
            "as it stands: nothing could be compared, since trials were not valid");
}

}  // namespace
}  // namespace crossover
