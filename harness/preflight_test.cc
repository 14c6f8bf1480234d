#include "harness/preflight.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness/architecture_facts.h"

namespace crossover {
namespace {

using Result = Check::Result;
using testing::HasSubstr;

Experiment Large() {
  Experiment experiment;
  experiment.name = "connections";
  experiment.architectures = {{.name = "epoll-pool", .label = "epoll-pool", .options = {}},
                              {.name = "thread-per-connection", .label = "tpc", .options = {}}};
  experiment.connections = {200, 16'000};
  return experiment;
}

// A machine on which that fits.
MachineLimits Ample() {
  MachineLimits limits;
  limits.open_files_soft = 20'000;
  limits.open_files_hard = 20'000;
  limits.open_files_ceiling = 1'048'576;
  limits.system_files_max = 1'000'000;
  limits.pid_max = 65'536;
  limits.threads_max = 100'000;
  limits.threads_used = 200;
  limits.cgroup_pids_file = "/sys/fs/cgroup/pids.max";
  limits.cgroup_pids_max = 100'000;
  limits.cgroup_pids_used = 10;
  limits.map_count_max = 65'530;
  limits.port_first = 32'768;
  limits.port_last = 60'999;
  limits.somaxconn = 4096;
  limits.memory_available_bytes = 8LL * 1024 * 1024 * 1024;
  limits.governor = "performance";
  limits.allowed_cpus = 2;
  limits.busy_cpus = 0.02;
  limits.load_average = 0.1;
  return limits;
}

Check Find(const MachineLimits& limits, const std::string& name) {
  for (const Check& check : JudgeMachine(RequirementsOf(Large(), 2), limits)) {
    if (check.name == name) return check;
  }
  ADD_FAILURE() << "no check named " << name;
  return {};
}

TEST(Preflight, RequirementsFollowTheLargestTrial) {
  const Requirements needed = RequirementsOf(Large(), 2);
  EXPECT_EQ(needed.trial, "tpc, 16,000 connections");
  EXPECT_EQ(needed.server_threads, 16'002);
  EXPECT_GE(needed.open_files, 16'000);
  EXPECT_GE(needed.maps, 32'000);
}

TEST(Preflight, APoolOfFewThreadsNeedsFew) {
  Experiment experiment = Large();
  experiment.architectures.pop_back();
  EXPECT_EQ(RequirementsOf(experiment, 2).server_threads, 4);
  experiment.architectures[0].options.workers = 64;
  EXPECT_EQ(RequirementsOf(experiment, 2).server_threads, 66);
}

TEST(Preflight, KnowsTheThreadsOfEachArchitecture) {
  const auto threads = [](const char* name, const ArchitectureFlags& options) {
    return ServerThreads({.name = name, .label = name, .options = options}, 1000, 4);
  };
  EXPECT_EQ(threads("event-loop", {}), 3);
  EXPECT_EQ(threads("event-loop", {.workers = 64}), 3);
  for (const char* name : {"epoll-pool", "dispatch-pool", "reactor-per-core"}) {
    EXPECT_EQ(threads(name, {}), 6) << name;
    EXPECT_EQ(threads(name, {.workers = 0}), 6) << name;  // one for each CPU
    EXPECT_EQ(threads(name, {.workers = 64}), 66) << name;
  }
  EXPECT_EQ(threads("worker-pool", {}), 1002);
  EXPECT_EQ(threads("worker-pool", {.workers_max = 100}), 102);
  EXPECT_EQ(threads("worker-pool", {.workers_max = 100, .overflow = "queue"}), 102);
  EXPECT_EQ(threads("worker-pool", {.workers_max = 100, .overflow = "grow"}), 1002);
  EXPECT_EQ(threads("worker-pool", {.workers_max = 5000}), 1002);
  EXPECT_EQ(threads("thread-per-connection", {.workers = 4}), 1002);
  EXPECT_EQ(threads("of-the-future", {}), 1002);
}

TEST(Preflight, CountsThePortsThatChurnKeeps) {
  Experiment experiment = Large();
  experiment.load.warmup_ns = 1'000'000'000;
  experiment.load.duration_ns = 3'000'000'000;
  EXPECT_EQ(RequirementsOf(experiment, 2).ports_made_anew, 0);
  experiment.workloads = {{.name = "lasting"}, {.name = "churn", .requests_per_connection = 10}};
  EXPECT_EQ(RequirementsOf(experiment, 2).ports_made_anew, 2 * 30'000 * 4);
  experiment.load.duration_ns = 3'600'000'000'000;  // ports come back after a minute
  EXPECT_EQ(RequirementsOf(experiment, 2).ports_made_anew, 2 * 30'000 * 60);
  const auto result_of = [&] {
    for (const Check& check : JudgeMachine(RequirementsOf(experiment, 2), Ample())) {
      if (check.name == "ports in TIME_WAIT") return check.result;
    }
    return Result::kRaised;
  };
  EXPECT_EQ(result_of(), Result::kWarning);  // 56,500 on each of 64 addresses
  experiment.load.duration_ns = 3'000'000'000;
  EXPECT_EQ(result_of(), Result::kOk);
}

TEST(Preflight, AcceptsAMachineOnWhichItFits) {
  const auto checks = JudgeMachine(RequirementsOf(Large(), 2), Ample());
  EXPECT_FALSE(Refused(checks));
  for (const Check& check : checks) {
    EXPECT_EQ(check.result, Result::kOk) << check.name;
    EXPECT_EQ(check.how_to_fix, "") << check.name;
  }
}

TEST(Preflight, WhatCannotBeReadIsNoReasonToRefuse) {
  MachineLimits unknown;
  unknown.allowed_cpus = 2;
  EXPECT_FALSE(Refused(JudgeMachine(RequirementsOf(Large(), 2), unknown)));
}

TEST(Preflight, RaisesOpenFilesWithinTheHardLimit) {
  MachineLimits limits = Ample();
  limits.open_files_soft = 1024;
  EXPECT_EQ(Find(limits, "open files").result, Result::kRaised);
}

TEST(Preflight, RaisesTheHardLimitOfOpenFilesIfAllowed) {
  MachineLimits limits = Ample();
  limits.open_files_soft = limits.open_files_hard = 4096;
  limits.may_raise_hard_limits = true;
  EXPECT_EQ(Find(limits, "open files").result, Result::kRaised);
  limits.open_files_ceiling = 8192;
  const Check check = Find(limits, "open files");
  EXPECT_EQ(check.result, Result::kRefuse);
  EXPECT_THAT(check.how_to_fix, HasSubstr("sudo sysctl -w fs.nr_open="));
}

struct Refusal {
  const char* name;
  void (*spoil)(MachineLimits&);
  const char* fix;
};

class PreflightRefusal : public testing::TestWithParam<Refusal> {};

TEST_P(PreflightRefusal, NamesTheRemedy) {
  MachineLimits limits = Ample();
  GetParam().spoil(limits);
  const Check check = Find(limits, GetParam().name);
  EXPECT_EQ(check.result, Result::kRefuse);
  EXPECT_THAT(check.how_to_fix, HasSubstr(GetParam().fix));
  const auto checks = JudgeMachine(RequirementsOf(Large(), 2), limits);
  EXPECT_TRUE(Refused(checks));
  const std::string line = DescribeRefusals(checks);
  EXPECT_THAT(line, HasSubstr(GetParam().name));
  EXPECT_THAT(line, HasSubstr(GetParam().fix));
  EXPECT_EQ(line.find('\n'), std::string::npos);
  EXPECT_THAT(RenderChecks(RequirementsOf(Large(), 2), checks), HasSubstr("REFUSED"));
}

INSTANTIATE_TEST_SUITE_P(
    Each, PreflightRefusal,
    testing::Values(Refusal{"cpus", [](MachineLimits& m) { m.allowed_cpus = 1; }, "\"shared\""},
                    Refusal{"open files",
                            [](MachineLimits& m) { m.open_files_soft = m.open_files_hard = 4096; },
                            "sudo prlimit --pid $$ --nofile="},
                    Refusal{"fs.file-max", [](MachineLimits& m) { m.system_files_max = 20'000; },
                            "sudo sysctl -w fs.file-max="},
                    Refusal{"kernel.pid_max", [](MachineLimits& m) { m.pid_max = 16'100; },
                            "sudo sysctl -w kernel.pid_max=65536"},
                    Refusal{"kernel.threads-max", [](MachineLimits& m) { m.threads_max = 16'100; },
                            "sudo sysctl -w kernel.threads-max="},
                    Refusal{"user processes", [](MachineLimits& m) { m.user_processes_max = 4096; },
                            "sudo prlimit --pid $$ --nproc="},
                    Refusal{"cgroup pids.max", [](MachineLimits& m) { m.cgroup_pids_max = 9000; },
                            "sudo tee /sys/fs/cgroup/pids.max"},
                    Refusal{"vm.max_map_count", [](MachineLimits& m) { m.map_count_max = 32'000; },
                            "sudo sysctl -w vm.max_map_count=262144"},
                    Refusal{"ephemeral ports", [](MachineLimits& m) { m.port_last = 36'000; },
                            "sudo sysctl -w net.ipv4.ip_local_port_range=\"1024 65535\""},
                    Refusal{"memory",
                            [](MachineLimits& m) { m.memory_available_bytes = 500'000'000; },
                            "fewer connections"}),
    [](const auto& tested) {
      std::string name = tested.param.name;
      for (char& c : name) c = std::isalnum(static_cast<unsigned char>(c)) ? c : '_';
      return name;
    });

TEST(Preflight, WarnsOfWhatOnlySpoils) {
  MachineLimits limits = Ample();
  limits.somaxconn = 128;
  limits.governor = "powersave";
  limits.busy_cpus = 0.9;
  limits.memory_available_bytes = 1'500'000'000;
  for (const char* name : {"net.core.somaxconn", "cpu governor", "free cpus", "memory"}) {
    EXPECT_EQ(Find(limits, name).result, Result::kWarning) << name;
    EXPECT_NE(Find(limits, name).how_to_fix, "") << name;
  }
  EXPECT_FALSE(Refused(JudgeMachine(RequirementsOf(Large(), 2), limits)));
}

TEST(Preflight, ReadsThisMachine) {
  const MachineLimits limits = ReadMachineLimits();
  EXPECT_GT(limits.allowed_cpus, 0);
  EXPECT_TRUE(limits.open_files_soft);
  EXPECT_TRUE(limits.pid_max);
  EXPECT_TRUE(limits.memory_available_bytes);
  EXPECT_TRUE(limits.threads_used);
}

}  // namespace
}  // namespace crossover
