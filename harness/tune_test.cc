#include "harness/tune.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace crossover {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::Not;

std::vector<std::string> Labels(const std::vector<ArchitectureLevel>& levels) {
  std::vector<std::string> labels;
  for (const ArchitectureLevel& level : levels) labels.push_back(level.label);
  return labels;
}

ArchitectureLevel Level(const std::string& name) {
  return {.name = name, .label = name, .options = {}};
}

TEST(Tune, VariesOneKnobAtATimeAndOnlyThoseThatThereAre) {
  EXPECT_THAT(Labels(VariantsOf(Level("thread-per-connection"), 2)),
              ElementsAre("thread-per-connection", "thread-per-connection.stack-65536",
                          "thread-per-connection.stack-1048576"));
  EXPECT_THAT(Labels(VariantsOf(Level("dispatch-pool"), 2)),
              ElementsAre("dispatch-pool", "dispatch-pool.workers-4", "dispatch-pool.workers-8",
                          "dispatch-pool.batch-16", "dispatch-pool.batch-128",
                          "dispatch-pool.batch-4096"));
  EXPECT_THAT(Labels(VariantsOf(Level("nobody-knows"), 2)), ElementsAre("nobody-knows"));
}

TEST(Tune, StartsFromWhatTheExperimentSays) {
  ArchitectureLevel level = Level("epoll-pool");
  level.options.batch = 16;
  const auto variants = VariantsOf(level, 1);
  EXPECT_THAT(Labels(variants), Contains("epoll-pool.batch-512"));
  EXPECT_THAT(Labels(variants), Not(Contains("epoll-pool.batch-16")));
  EXPECT_EQ(variants[1].label, "epoll-pool.workers-2");
  EXPECT_EQ(variants[1].options.workers, 2);
  EXPECT_EQ(variants[1].options.batch, 16);
}

class Winners : public testing::Test {
 protected:
  Winners() {
    experiment_.name = "x";
    experiment_.architectures = {Level("thread-per-connection"), Level("epoll-pool")};
    experiment_.architectures[1].label = "mine";
    experiment_.connections = {200, 8000};
    sweep_ = SweepOf(experiment_, 1, 1);
    report_["comparisons"] = nlohmann::ordered_json::array();
  }

  void Compare(const std::string& variant, int connections, double ratio,
               const std::string& verdict, const std::string& metric = "cpu_us_per_request") {
    report_["comparisons"].push_back({{"metric", metric},
                                      {"connections", connections},
                                      {"architecture", "mine." + variant},
                                      {"ratio", ratio},
                                      {"verdict", verdict}});
  }

  Experiment experiment_;
  Experiment sweep_;
  nlohmann::ordered_json report_;
};

TEST_F(Winners, SweepOneArchitecture) {
  EXPECT_EQ(sweep_.name, "x-tune-epoll-pool");
  EXPECT_EQ(sweep_.architectures.front(), experiment_.architectures[1]);
  EXPECT_EQ(sweep_.connections, experiment_.connections);
}

TEST_F(Winners, AreLowerSomewhereAndHigherNowhere) {
  Compare("batch-16", 200, 0.90, "lower");
  Compare("batch-16", 8000, 0.98, "no detectable difference");
  Compare("batch-128", 200, 0.80, "lower");
  Compare("batch-128", 8000, 1.10, "higher");
  Compare("workers-2", 200, 0.70, "no detectable difference");
  Compare("workers-2", 8000, 0.70, "no detectable difference");
  const Winner winner = ChooseWinner(sweep_, report_);
  EXPECT_EQ(winner.variant, "mine.batch-16");
  EXPECT_EQ(winner.level.label, "mine");
  EXPECT_EQ(winner.level.options.batch, 16);
  EXPECT_NEAR(winner.cpu_ratio, 0.939, 0.001);
  EXPECT_EQ(winner.reason, "mine.batch-16: 0.939 of the CPU per request");
}

TEST_F(Winners, WereComparedInEveryCell) {
  Compare("batch-16", 200, 0.50, "lower");
  Compare("batch-16", 8000, 0.50, "lower", "throughput_rps");
  const Winner winner = ChooseWinner(sweep_, report_);
  EXPECT_EQ(winner.level, experiment_.architectures[1]);
  EXPECT_EQ(winner.reason, "as it stands: no variant was found to take less CPU per request");
}

TEST_F(Winners, AreTheLowestOfThose) {
  for (const int connections : {200, 8000}) {
    Compare("batch-16", connections, 0.95, "lower");
    Compare("batch-4096", connections, 0.93, "lower");
  }
  EXPECT_EQ(ChooseWinner(sweep_, report_).level.options.batch, 4096);
}

}  // namespace
}  // namespace crossover
