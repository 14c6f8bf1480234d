// Probes of a server that serves in many processes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "base/clock.h"
#include "base/fd.h"
#include "harness/probe.h"
#include "harness/probes/taskstats_client.h"

namespace crossover {

#define PROBE(name) std::unique_ptr<Probe> Make##name##Probe();
#include "harness/probes.def"
#undef PROBE

namespace {

using testing::HasSubstr;

constexpr int64_t kBurnNs = 50 * kNsPerMs;

// A process that, told to, burns CPU and then waits to be killed.
class Burner {
 public:
  Burner() {
    int to[2];
    int from[2];
    EXPECT_EQ(::pipe(to), 0);
    EXPECT_EQ(::pipe(from), 0);
    pid_ = ::fork();
    if (pid_ == 0) Live(to[0], from[1]);
    ::close(to[0]);
    ::close(from[1]);
    orders_.Reset(to[1]);
    reports_.Reset(from[0]);
    Burn();  // the kernel has no figures of one that never ran
  }
  ~Burner() { End(); }
  Burner(const Burner&) = delete;
  Burner& operator=(const Burner&) = delete;

  pid_t pid() const { return pid_; }
  void Burn() {
    char byte = 0;
    EXPECT_EQ(::write(orders_.get(), &byte, 1), 1);
    EXPECT_EQ(::read(reports_.get(), &byte, 1), 1);
  }
  void End() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }

 private:
  [[noreturn]] static void Live(int orders, int reports) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    char byte = 0;
    while (::read(orders, &byte, 1) == 1) {
      const int64_t until_ns = ThreadCpuNs() + kBurnNs;
      while (ThreadCpuNs() < until_ns) {
      }
      if (::write(reports, &byte, 1) != 1) break;
    }
    ::_exit(0);
  }

  pid_t pid_ = -1;
  Fd orders_;
  Fd reports_;
};

class ManyProcesses : public testing::Test {
 protected:
  ProbeTarget Target() {
    return {.server_pid = ::getpid(),
            .processes = &processes_,
            .server_cpus = {0},
            .server_reports_rusage = false};
  }
  void List(std::vector<pid_t> pids, int64_t ended) {
    processes_ = {.pids = std::move(pids), .ended = ended, .time_ns = MonotonicNs()};
  }
  // One request a second.
  Metrics Derive(const Probe& probe) const {
    Metrics metrics;
    probe.Derive(samples_, {.connections = 2, .throughput_rps = 1, .server_cpu_count = 1}, metrics);
    return metrics;
  }
  Sample& At(Moment moment) { return samples_[static_cast<size_t>(moment)]; }
  double WindowSeconds() {
    return static_cast<double>(At(Moment::kWindowEnd).time_ns - At(Moment::kWindowStart).time_ns) /
           1e9;
  }

  ServerProcesses processes_;
  Samples samples_;
};

TEST_F(ManyProcesses, AddUp) {
  Burner first;
  Burner second;
  List({::getpid(), first.pid(), second.pid()}, 0);
  const auto taskstats = MakeTaskstatsProbe();
  const auto rusage = MakeRusageProbe();
  ASSERT_EQ(taskstats->Attach(Target()), "");
  ASSERT_EQ(rusage->Attach(Target()), "");
  Samples switches;
  const auto read = [&](Moment moment) {
    taskstats->Read(moment, At(moment));
    rusage->Read(moment, switches[static_cast<size_t>(moment)]);
  };
  read(Moment::kWindowStart);
  first.Burn();
  second.Burn();
  List(processes_.pids, 0);
  read(Moment::kWindowEnd);
  const Metrics metrics = Derive(*taskstats);
  const auto cpu_us = MetricOf(metrics, "cpu_us_per_request");
  ASSERT_TRUE(cpu_us) << metrics.at("cpu_us_per_request").unavailable;
  EXPECT_GE(*cpu_us * WindowSeconds(), 2 * kBurnNs / 1e3);
  samples_ = switches;
  const auto voluntary = MetricOf(Derive(*rusage), "voluntary_switches_per_request");
  ASSERT_TRUE(voluntary);
  EXPECT_GE(*voluntary * WindowSeconds(), 2);  // each waits for its orders
}

TEST_F(ManyProcesses, OneThatEndedInTheWindowMakesItNull) {
  Burner stays;
  Burner ends;
  List({::getpid(), stays.pid(), ends.pid()}, 0);
  const auto probe = MakeTaskstatsProbe();
  ASSERT_EQ(probe->Attach(Target()), "");
  probe->Read(Moment::kWindowStart, At(Moment::kWindowStart));
  ends.End();
  List({::getpid(), stays.pid()}, 0);
  probe->Read(Moment::kWindowEnd, At(Moment::kWindowEnd));
  EXPECT_THAT(Derive(*probe).at("cpu_us_per_request").unavailable,
              HasSubstr("1 of the server's processes ended in the window"));
  // It came and went between.
  At(Moment::kWindowStart).processes.pids.pop_back();
  At(Moment::kWindowEnd).processes.ended = 1;
  EXPECT_THAT(Derive(*probe).at("cpu_us_per_request").unavailable,
              HasSubstr("1 of the server's processes ended in the window"));
}

TEST_F(ManyProcesses, OneThatEndedBeforeItWasReadIsTheReason) {
  Burner ends;
  List({::getpid(), ends.pid()}, 0);
  ends.End();
  const auto probe = MakeTaskstatsProbe();
  ASSERT_EQ(probe->Attach(Target()), "");
  probe->Read(Moment::kWindowStart, At(Moment::kWindowStart));
  EXPECT_THAT(At(Moment::kWindowStart).failure, HasSubstr("of the server: "));
}

TEST_F(ManyProcesses, HoldTheirMemoryAsLongAsTheyLive) {
  Burner stays;
  Burner ends;
  const auto probe = MakeMemoryProbe();
  ASSERT_EQ(probe->Attach(Target()), "");
  List({::getpid()}, 0);
  probe->Read(Moment::kIdle, At(Moment::kIdle));
  List({::getpid(), stays.pid(), ends.pid()}, 0);
  ends.End();
  probe->Read(Moment::kConnected, At(Moment::kConnected));
  EXPECT_EQ(At(Moment::kConnected).failure, "");
  // A kernel stack and page tables.
  EXPECT_GE(At(Moment::kConnected).values.at("process_bytes"),
            At(Moment::kIdle).values.at("process_bytes") + 20'000);
}

}  // namespace
}  // namespace crossover
