#include "harness/trial.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/eventfd.h>

#include <filesystem>

#include "base/clock.h"
#include "base/fd.h"
#include "harness/conversation.h"

namespace crossover {
namespace {

using testing::HasSubstr;

const std::string kFakes = HARNESS_SOURCE_DIR "/testing/";

// One trial with the fake children, which behave as the architecture and the path tell them.
class TrialTest : public testing::Test {
 protected:
  TrialTest() {
    experiment_.name = "test";
    experiment_.connections = {8};
    experiment_.load.threads = 3;
    experiment_.load.warmup_ns = kNsPerMs;
    experiment_.load.duration_ns = 50 * kNsPerMs;
    experiment_.canary = false;
    trial_.connections = 8;
  }

  TrialSetup MakeSetup(const std::string& architecture, const std::string& path) {
    experiment_.architectures = {{.name = architecture, .label = "label", .options = {}}};
    experiment_.workloads = {{.name = "hello", .method = "GET", .path = path, .body_bytes = 0}};
    const Placement shared{.mode = Placement::Mode::kShared, .server_cpus = {}, .client_cpus = {}};
    return {.experiment = experiment_,
            .trial = trial_,
            .server_program = kFakes + "fake_server.py",
            .load_program = kFakes + "fake_load.py",
            .cpus = PlaceCpus(ReadAllowedCores(), shared),
            .deadlines = DeadlinesFor(experiment_, {.connections = 8}),
            .on_stage = [this](std::string_view stage) { stages_.emplace_back(stage); }};
  }

  // Why it failed.
  std::string FailureOf(const TrialSetup& setup) {
    const TrialRecord record = RunTrial(setup);
    EXPECT_FALSE(record.verdict.valid());
    if (record.verdict.reasons.empty()) return {};
    EXPECT_EQ(record.verdict.reasons.front().code, "failed");
    EXPECT_EQ(record.metrics.size(), MetricCatalogue().size());
    for (const auto& [name, value] : record.metrics) {
      EXPECT_FALSE(value.value) << name;
      EXPECT_THAT(value.unavailable, HasSubstr("the trial failed: ")) << name;
    }
    EXPECT_EQ(record.verdict.reasons.front().detail.find('\n'), std::string::npos);
    return record.verdict.reasons.front().detail;
  }

  Experiment experiment_;
  PlannedTrial trial_;
  std::vector<std::string> stages_;
};

TEST_F(TrialTest, GoesThroughItsStages) {
  experiment_.canary = true;
  const TrialRecord record = RunTrial(MakeSetup("steady", "/"));
  EXPECT_THAT(stages_, testing::ElementsAre("starting", "connecting", "warming up", "measuring",
                                            "draining", "stopping"));
  EXPECT_EQ(record.architecture, "label");
  EXPECT_GT(MetricOf(record.metrics, "throughput_rps").value_or(0), 0);
  EXPECT_EQ(MetricOf(record.metrics, "client_cpu_utilization"), 0.5);
  EXPECT_EQ(MetricOf(record.metrics, "connect_all_seconds"), 0.01);
  EXPECT_TRUE(MetricOf(record.metrics, "voluntary_switches_per_request"));
  EXPECT_GT(MetricOf(record.metrics, "probing_ratio").value_or(0), 0);
  EXPECT_EQ(record.metrics.size(), MetricCatalogue().size());
  EXPECT_EQ(record.server_before.at("requests"), 500);
  EXPECT_EQ(record.server_after.at("requests"), 1500);
  EXPECT_EQ(record.server_final.at("requests"), 2000);
  EXPECT_TRUE(record.load.is_object());
  ASSERT_TRUE(record.canary);
  EXPECT_GT(record.canary->user_ns, 0);
  EXPECT_GT(record.canary->syscall_ns, 0);
  EXPECT_GT(record.canary->loopback_ns, 0);
  EXPECT_GT(record.seconds, 0);
  for (const Reason& reason : record.verdict.reasons) EXPECT_NE(reason.code, "failed");
}

TEST_F(TrialTest, AServerThatDiesInTheWindow) {
  EXPECT_EQ(FailureOf(MakeSetup("dies-in-window", "/")),
            "the server ended while measuring: killed by signal 9 (Killed); its last words: out of "
            "threads");
}

TEST_F(TrialTest, AServerThatCannotStart) {
  EXPECT_EQ(FailureOf(MakeSetup("dies-at-start", "/")),
            "the server ended while starting: exit status 2; its last words: crossover-server: "
            "cannot listen on 127.0.0.1:0");
}

TEST_F(TrialTest, AServerThatIsNeverReady) {
  TrialSetup setup = MakeSetup("never-ready", "/");
  setup.deadlines.ready_ns = 50 * kNsPerMs;
  EXPECT_EQ(FailureOf(setup), "the server did not say \"ready\" in time while starting");
}

TEST_F(TrialTest, AServerThatSaysNonsense) {
  EXPECT_EQ(FailureOf(MakeSetup("mumbles", "/")),
            "the server said something that is no object of JSON while starting: hello");
}

TEST_F(TrialTest, AServerThatDoesNotStop) {
  TrialSetup setup = MakeSetup("deaf", "/");
  setup.deadlines.stop_ns = 50 * kNsPerMs;
  EXPECT_EQ(FailureOf(setup), "the server did not say \"done\" in time while stopping");
}

TEST_F(TrialTest, ALoadGeneratorThatIsKilled) {
  EXPECT_THAT(FailureOf(MakeSetup("steady", "/killed")),
              testing::StartsWith("the load generator ended while "));
}

TEST_F(TrialTest, ALoadGeneratorThatHangs) {
  TrialSetup setup = MakeSetup("steady", "/hangs");
  setup.deadlines.measured_ns = 50 * kNsPerMs;
  EXPECT_EQ(FailureOf(setup),
            "the load generator did not say \"measured\" in time while measuring");
}

TEST_F(TrialTest, AProgramThatIsNotThereIsNoFailedTrialButAnError) {
  TrialSetup setup = MakeSetup("steady", "/");
  setup.load_program = "/nonexistent/load";
  EXPECT_THROW(RunTrial(setup), std::system_error);
}

TEST_F(TrialTest, AnInterruptAbandonsIt) {
  const Fd interrupt(::eventfd(1, EFD_CLOEXEC));
  TrialSetup setup = MakeSetup("steady", "/hangs");
  setup.interrupt_fd = interrupt.get();
  EXPECT_THROW(RunTrial(setup), TrialInterrupted);
}

TEST_F(TrialTest, CommandLinesFollowTheExperiment) {
  TrialSetup setup = MakeSetup("epoll-pool", "/echo");
  experiment_.architectures[0].options.workers = 4;
  experiment_.workloads[0].method = "POST";
  experiment_.workloads[0].body_bytes = 100;
  experiment_.launcher.server = {"nice", "-n", "5"};
  setup.cpus = {.server = {0}, .client = {1, 2}};
  EXPECT_THAT(ServerCommand(setup),
              testing::ElementsAre("nice", "-n", "5", kFakes + "fake_server.py", "--architecture",
                                   "epoll-pool", "--workers", "4", "--listen", "127.0.0.1:0",
                                   "--control-cpus", "1-2"));
  const std::vector<std::string> load = LoadCommand(setup, "http://127.0.0.1:80/echo");
  EXPECT_EQ(load.front(), kFakes + "fake_load.py");
  EXPECT_EQ(load.back(), "http://127.0.0.1:80/echo");
  const auto value = [&](const std::string& option) {
    const auto at = std::find(load.begin(), load.end(), option);
    return at == load.end() ? "" : *(at + 1);
  };
  EXPECT_EQ(value("--connections"), "8");
  EXPECT_EQ(value("--threads"), "3");
  EXPECT_EQ(value("--cpus"), "1-2");
  EXPECT_EQ(value("--warmup"), "1ms");
  EXPECT_EQ(value("--method"), "POST");
  EXPECT_EQ(value("--body-bytes"), "100");
  experiment_.load.threads = 0;
  const std::vector<std::string> automatic = LoadCommand(setup, "u");
  EXPECT_EQ(*(std::find(automatic.begin(), automatic.end(), "--threads") + 1), "2");
}

TEST_F(TrialTest, FewerActiveConnectionsThanThreadsTakeFewerThreads) {
  const TrialSetup setup = MakeSetup("steady", "/");
  experiment_.workloads[0].active_percent = 25;  // 2 of 8
  const std::vector<std::string> load = LoadCommand(setup, "u");
  EXPECT_EQ(*(std::find(load.begin(), load.end(), "--threads") + 1), "2");
  EXPECT_EQ(*(std::find(load.begin(), load.end(), "--active") + 1), "2");
}

TEST_F(TrialTest, ARateWithoutTheThroughputThatItIsAPercentageOf) {
  TrialSetup setup = MakeSetup("steady", "/");
  experiment_.workloads[0].rate_percent = 120;
  experiment_.workloads[0].percent_of = "closed";
  EXPECT_EQ(FailureOf(setup),
            "its rate is a percentage of the throughput of workload closed, whose trial in this "
            "repetition has none");
  EXPECT_TRUE(stages_.empty());  // nothing was started
  setup.capacity_rps = 1000;
  const std::vector<std::string> load = LoadCommand(setup, "u");
  EXPECT_EQ(*(std::find(load.begin(), load.end(), "--rate") + 1), "1200");
  const TrialRecord record = RunTrial(setup);
  for (const Reason& reason : record.verdict.reasons) EXPECT_NE(reason.code, "failed");
}

}  // namespace
}  // namespace crossover
