#include "harness/duet/duet_trial.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/clock.h"
#include "harness/duet/duet_findings.h"

namespace crossover {
namespace {

using testing::HasSubstr;

const std::string kFakes = HARNESS_SOURCE_DIR "/testing/";

// A duet of the fake children, which behave as the architecture and the path tell them: one pair.
class DuetTrialTest : public testing::Test {
 protected:
  DuetTrialTest() {
    experiment_.name = "test";
    experiment_.connections = {8};
    experiment_.load.threads = 1;
    experiment_.canary = false;
    experiment_.duet = DuetSettings{.pairs = 1, .time_limit_ns = 1, .slice_ns = kNsPerMs};
  }

  TrialSetup MakeSetup(const std::string& architecture, const std::string& path) {
    experiment_.architectures = {{.name = "steady", .label = "first", .options = {}},
                                 {.name = architecture, .label = "other", .options = {}}};
    experiment_.workloads = {{.name = "hello", .method = "GET", .path = path, .body_bytes = 0}};
    const Placement shared{.mode = Placement::Mode::kShared, .server_cpus = {}, .client_cpus = {}};
    return {.experiment = experiment_,
            .trial = trial_,
            .server_program = kFakes + "fake_server.py",
            .load_program = kFakes + "fake_load.py",
            .cpus = PlaceCpus(ReadAllowedCores(), shared),
            .deadlines = DeadlinesFor(experiment_, trial_),
            .on_stage = [this](std::string_view stage) { stages_.emplace_back(stage); }};
  }

  std::string FailureOf(const std::string& architecture, const std::string& path) {
    const TrialRecord record = RunTrial(MakeSetup(architecture, path));
    EXPECT_TRUE(record.findings.is_null());
    if (record.verdict.reasons.size() != 1) return {};
    EXPECT_EQ(record.verdict.reasons.front().code, "failed");
    return record.verdict.reasons.front().detail;
  }

  Experiment experiment_;
  PlannedTrial trial_{.architecture = 1, .connections = 8, .pass = Pass::kDuet};
  std::vector<std::string> stages_;
};

TEST_F(DuetTrialTest, PlaysWarmUpsAndPairs) {
  const TrialRecord record = RunTrial(MakeSetup("steady", "/"));
  EXPECT_THAT(stages_, testing::ElementsAre("connecting", "measuring", "stopping"));
  EXPECT_TRUE(record.verdict.valid());
  EXPECT_EQ(record.pass, Pass::kDuet);
  EXPECT_EQ(record.architecture, "other");
  EXPECT_EQ(record.metrics.size(), MetricCatalogue().size());
  EXPECT_EQ(record.findings.at("baseline"), "first");
  EXPECT_EQ(record.findings.at("slice_ns"), kNsPerMs);
  const DuetOutcome outcome = DuetOutcomeFromJson(record.findings);
  // The fakes take next to no CPU time, which can't be compared if it is none.
  EXPECT_EQ(outcome.pairs.size() + outcome.pairs_left_out, 1u);
}

TEST_F(DuetTrialTest, NamesWhatBrokeItOff) {
  EXPECT_EQ(FailureOf("dies-at-start", "/"),
            "the server of other ended while connecting: exit status 2; its last words: "
            "crossover-server: cannot listen on 127.0.0.1:0");
  EXPECT_EQ(FailureOf("steady", "/killed"),
            "the load generator of other ended while measuring: killed by signal 9 (Killed)");
  EXPECT_EQ(FailureOf("steady", "/errors"), "1 requests to other failed");
  EXPECT_EQ(FailureOf("steady", "/short"), "of 8 connections to first only 7 were served");
  EXPECT_THAT(FailureOf("steady", "/mumbles"),
              HasSubstr("the load generator of other told a slice without numbers"));
}

TEST_F(DuetTrialTest, TheLoadGeneratorIsAskedForSlices) {
  const std::vector<std::string> load = LoadCommand(MakeSetup("steady", "/"), "http://h/");
  EXPECT_EQ(std::ranges::count(load, "--slices"), 1);
  EXPECT_EQ(std::ranges::count(load, "--warmup"), 0);
  EXPECT_EQ(std::ranges::count(load, "--duration"), 0);
}

TEST_F(DuetTrialTest, TwoAtATimeMayBeTooMany) {
  const TrialSetup setup = MakeSetup("steady", "/");
  experiment_.architectures = {
      {.name = "event-loop", .label = "event-loop", .options = {}},
      {.name = "thread-per-connection", .label = "threads", .options = {}}};
  trial_.connections = 8'000;
  MachineLimits limits;
  limits.allowed_cpus = 2;
  EXPECT_EQ(WhyNotBoth(setup, limits), "");
  limits.pid_max = 9'000;
  EXPECT_EQ(WhyNotBoth(setup, limits), "");
  experiment_.architectures[0] = {.name = "worker-pool", .label = "worker-pool", .options = {}};
  EXPECT_THAT(WhyNotBoth(setup, limits), HasSubstr("kernel.pid_max: needed 16,"));
  experiment_.architectures[0] = {.name = "prefork", .label = "forks", .options = {}};
  EXPECT_EQ(WhyNotBoth(setup, limits),
            "forks serves in many processes, whose CPU time can't be read quickly");
}

}  // namespace
}  // namespace crossover
