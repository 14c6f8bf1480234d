#include "harness/probe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/netlink.h>
#include <linux/taskstats.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <latch>
#include <set>
#include <thread>

#include "base/clock.h"
#include "base/cpu_list.h"
#include "base/fd.h"
#include "harness/probes/task_files.h"
#include "harness/probes/taskstats_client.h"

namespace crossover {

#define PROBE(name) std::unique_ptr<Probe> Make##name##Probe();
#include "harness/probes.def"
#undef PROBE

namespace {

using testing::DoubleNear;
using testing::HasSubstr;

Sample& Mutable(Samples& samples, Moment moment) { return samples[static_cast<size_t>(moment)]; }

// Two seconds between the ends of the window.
Samples Window(std::map<std::string, double, std::less<>> start,
               std::map<std::string, double, std::less<>> end) {
  Samples samples;
  Mutable(samples, Moment::kWindowStart) = {.time_ns = kNsPerSecond, .values = std::move(start)};
  Mutable(samples, Moment::kWindowEnd) = {.time_ns = 3 * kNsPerSecond, .values = std::move(end)};
  return samples;
}

nlohmann::json Counters(int64_t time_ns, double user_us, double system_us, double switches) {
  return {{"time_ns", time_ns},
          {"requests", time_ns / kNsPerMs},  // 1,000 a second
          {"rusage",
           {{"user_us", user_us},
            {"system_us", system_us},
            {"voluntary_switches", switches},
            {"involuntary_switches", switches / 2},
            {"minor_faults", 100},
            {"major_faults", 0}}}};
}

double Value(const Metrics& metrics, std::string_view name) {
  const auto value = MetricOf(metrics, name);
  EXPECT_TRUE(value) << name << ": " << metrics.find(name)->second.unavailable;
  return value.value_or(-1);
}

std::string Why(const Metrics& metrics, std::string_view name) {
  const auto found = metrics.find(name);
  EXPECT_NE(found, metrics.end()) << name;
  EXPECT_FALSE(found->second.value) << name;
  return found->second.unavailable;
}

TEST(TaskstatsProbe, FilesOfThreadsThatEndedAreMissedAndNotCountedBack) {
  const TrialFacts facts{.throughput_rps = 1000, .server_cpu_count = 1};
  const auto derive = [&](double cpu_ns, double threads) {
    Metrics metrics;
    MakeTaskstatsProbe()->Derive(
        Window({{"cpu_ns", 5e9}, {"wait_ns", 1e9}, {"dispatches", 10}, {"threads", 8}},
               {{"cpu_ns", cpu_ns}, {"wait_ns", 2e9}, {"dispatches", 20}, {"threads", threads}}),
        facts, metrics);
    return metrics;
  };
  EXPECT_DOUBLE_EQ(Value(derive(6e9, 8), "cpu_us_per_request"), 500);
  EXPECT_THAT(Why(derive(4e9, 8), "cpu_us_per_request"), HasSubstr("ended in the window"));
  EXPECT_THAT(Why(derive(6e9, 7), "cpu_us_per_request"), HasSubstr("ended in the window"));
}

TEST(Probes, EveryMetricIsInTheCatalogueAndOfOneProbe) {
  std::set<std::string_view> seen;
  const std::unique_ptr<Probe> probes[] = {MakeTaskstatsProbe(), MakeRusageProbe(),
                                           MakeMemoryProbe(), MakeCpusProbe(), MakeTcpExtProbe()};
  for (const auto& probe : probes) {
    for (const std::string_view name : probe->metrics()) {
      EXPECT_NE(FindMetric(name), nullptr) << name;
      EXPECT_TRUE(seen.insert(name).second) << name;
    }
  }
}

TEST(Probes, ReadThisProcessAtEveryMoment) {
  ProbeTarget target{.server_pid = ::getpid(), .server_cpus = AllowedCpus()};
  std::vector<AttachedProbe> probes = MakeProbes();
  for (AttachedProbe& probe : probes) {
    probe.Attach(target);
    for (const Moment moment : {Moment::kIdle, Moment::kConnected, Moment::kWindowStart}) {
      probe.Read(moment);
    }
  }
  const int64_t until_ns = ThreadCpuNs() + 100 * kNsPerMs;
  while (ThreadCpuNs() < until_ns) {
  }
  Metrics metrics;
  const TrialFacts facts{.connections = 10,
                         .throughput_rps = 1000,
                         .server_cpu_count = AllowedCpus().size(),
                         .server_before = Counters(0, 0, 0, 0),
                         .server_after = Counters(kNsPerSecond, 1, 1, 50)};
  for (AttachedProbe& probe : probes) {
    probe.Read(Moment::kWindowEnd);
    probe.Derive(facts, metrics);
  }
  EXPECT_GT(Value(metrics, "cpu_us_per_request"), 0);
  EXPECT_EQ(Value(metrics, "context_switches_per_request"), 0.075);
  EXPECT_TRUE(metrics.contains("memory_bytes_per_connection"));
  EXPECT_GE(Value(metrics, "tcp_retransmits"), 0);
}

TEST(Probes, ARefusedProbeGivesItsReasonForEveryMetric) {
  AttachedProbe probe("Cpus", MakeCpusProbe());
  probe.Attach(ProbeTarget{});
  probe.Read(Moment::kWindowStart);
  Metrics metrics;
  probe.Derive({}, metrics);
  EXPECT_EQ(Why(metrics, "server_cpus_idle"), "the server's CPUs are not known");
  EXPECT_EQ(Why(metrics, "steal_ratio"), "the server's CPUs are not known");
}

TEST(TaskstatsProbe, DerivesFromRates) {
  const Samples samples = Window({{"cpu_ns", 1e9}, {"wait_ns", 5e8}, {"dispatches", 100}},
                                 {{"cpu_ns", 2e9}, {"wait_ns", 9e8}, {"dispatches", 20'100}});
  const TrialFacts facts{.connections = 10,
                         .throughput_rps = 50'000,  // over the load generator's own window
                         .server_cpu_count = 2,
                         .server_before = Counters(0, 100'000, 300'000, 0),
                         .server_after = Counters(1, 200'000, 600'000, 0)};
  Metrics metrics;
  MakeTaskstatsProbe()->Derive(samples, facts, metrics);
  EXPECT_DOUBLE_EQ(Value(metrics, "cpu_us_per_request"), 10);
  EXPECT_DOUBLE_EQ(Value(metrics, "cpu_user_us_per_request"), 2.5);
  EXPECT_DOUBLE_EQ(Value(metrics, "cpu_kernel_us_per_request"), 7.5);
  EXPECT_DOUBLE_EQ(Value(metrics, "server_requests_per_cpu_second"), 100'000);
  EXPECT_DOUBLE_EQ(Value(metrics, "run_queue_wait_us_per_request"), 4);
  EXPECT_DOUBLE_EQ(Value(metrics, "wait_us_per_dispatch"), 20);
  EXPECT_DOUBLE_EQ(Value(metrics, "time_slice_us"), 50);
  EXPECT_DOUBLE_EQ(Value(metrics, "server_cpu_utilization"), 0.25);
}

TEST(TaskstatsProbe, CountsKsoftirqdAsTheServersInTheKernel) {
  const Samples samples =
      Window({{"cpu_ns", 1e9}, {"wait_ns", 5e8}, {"dispatches", 100}, {"ksoftirqd_ns", 7e9}},
             {{"cpu_ns", 2e9}, {"wait_ns", 9e8}, {"dispatches", 20'100}, {"ksoftirqd_ns", 7.1e9}});
  const TrialFacts facts{.connections = 10,
                         .throughput_rps = 50'000,
                         .server_cpu_count = 1,
                         .server_before = Counters(0, 100'000, 300'000, 0),
                         .server_after = Counters(1, 200'000, 600'000, 0)};
  Metrics metrics;
  MakeTaskstatsProbe()->Derive(samples, facts, metrics);
  EXPECT_DOUBLE_EQ(Value(metrics, "cpu_us_per_request"), 11);
  EXPECT_DOUBLE_EQ(Value(metrics, "ksoftirqd_us_per_request"), 1);
  EXPECT_DOUBLE_EQ(Value(metrics, "cpu_user_us_per_request"), 2.5);
  EXPECT_DOUBLE_EQ(Value(metrics, "cpu_kernel_us_per_request"), 8.5);
  EXPECT_DOUBLE_EQ(Value(metrics, "server_cpu_utilization"), 0.55);
  EXPECT_DOUBLE_EQ(Value(metrics, "time_slice_us"), 50);  // of the server's own threads
}

TEST(TaskstatsProbe, NothingCountedIsNullNotZero) {
  Metrics metrics;
  MakeTaskstatsProbe()->Derive(Window({{"cpu_ns", 1}, {"wait_ns", 1}, {"dispatches", 1}},
                                      {{"cpu_ns", 2}, {"wait_ns", 2}, {"dispatches", 1}}),
                               {.connections = 1, .throughput_rps = 0, .server_cpu_count = 1},
                               metrics);
  EXPECT_THAT(Why(metrics, "cpu_us_per_request"), HasSubstr("nothing was counted"));
  EXPECT_THAT(Why(metrics, "time_slice_us"), HasSubstr("nothing was counted"));
  EXPECT_FALSE(Why(metrics, "cpu_user_us_per_request").empty());
}

TEST(TaskstatsProbe, AReadingThatFailedIsTheReason) {
  Samples samples = Window({{"cpu_ns", 1}}, {});
  Mutable(samples, Moment::kWindowEnd).failure = "taskstats: No such process";
  Metrics metrics;
  MakeTaskstatsProbe()->Derive(samples, {.throughput_rps = 1, .server_cpu_count = 1}, metrics);
  EXPECT_EQ(Why(metrics, "cpu_us_per_request"), "taskstats: No such process");
  EXPECT_EQ(Why(metrics, "cpu_user_us_per_request"), "taskstats: No such process");
}

TEST(RusageProbe, UsesTheRequestsOfTheSameLine) {
  Metrics metrics;
  MakeRusageProbe()->Derive({},
                            {.throughput_rps = 1,
                             .server_before = Counters(0, 0, 0, 0),
                             .server_after = Counters(2 * kNsPerSecond, 0, 0, 4000)},
                            metrics);
  EXPECT_DOUBLE_EQ(Value(metrics, "voluntary_switches_per_request"), 2);
  EXPECT_DOUBLE_EQ(Value(metrics, "involuntary_switches_per_request"), 1);
  EXPECT_DOUBLE_EQ(Value(metrics, "context_switches_per_request"), 3);
  EXPECT_DOUBLE_EQ(Value(metrics, "page_faults_per_request"), 0);
}

TEST(RusageProbe, FallsBackToTheStatusFilesOfThreads) {
  const auto probe = MakeRusageProbe();
  probe->Attach({.server_pid = ::getpid(), .server_cpus = {}, .server_reports_rusage = false});
  Samples samples;
  Mutable(samples, Moment::kWindowStart).time_ns = 1;
  Mutable(samples, Moment::kWindowEnd).time_ns = 2;
  probe->Read(Moment::kWindowStart, Mutable(samples, Moment::kWindowStart));
  probe->Read(Moment::kWindowEnd, Mutable(samples, Moment::kWindowEnd));
  Metrics metrics;
  probe->Derive(samples, {.throughput_rps = 1}, metrics);
  EXPECT_GE(Value(metrics, "context_switches_per_request"), 0);
  EXPECT_THAT(Why(metrics, "page_faults_per_request"), HasSubstr("minor_faults"));
}

TEST(MemoryProbe, IsTheGrowthPerConnection) {
  Samples samples;
  Mutable(samples, Moment::kIdle).values = {{"process_bytes", 1e6}, {"socket_bytes", 0}};
  Mutable(samples, Moment::kConnected).values = {{"process_bytes", 3e6}, {"socket_bytes", 4096}};
  Metrics metrics;
  MakeMemoryProbe()->Derive(samples, {.connections = 100}, metrics);
  EXPECT_EQ(Value(metrics, "memory_bytes_per_connection"), 20'000);
  EXPECT_EQ(Value(metrics, "socket_memory_bytes_per_connection"), 40.96);
}

TEST(MemoryProbe, SeesTheMemoryOfThreads) {
  constexpr int kThreads = 50;
  constexpr size_t kTouched = 256 * 1024;  // much, beside what the tests before this one give back
  const auto probe = MakeMemoryProbe();
  ASSERT_EQ(probe->Attach({.server_pid = ::getpid()}), "");
  Samples samples;
  probe->Read(Moment::kIdle, Mutable(samples, Moment::kIdle));
  std::latch started(kThreads);
  std::latch end(1);
  std::vector<std::jthread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      std::array<volatile char, kTouched> stack;
      for (size_t at = 0; at < stack.size(); at += 1024) stack[at] = 1;
      started.count_down();
      end.wait();
    });
  }
  started.wait();
  probe->Read(Moment::kConnected, Mutable(samples, Moment::kConnected));
  end.count_down();
  Metrics metrics;
  probe->Derive(samples, {.connections = kThreads}, metrics);
  EXPECT_GE(Value(metrics, "memory_bytes_per_connection"), kTouched);
}

TEST(MemoryProbe, SeesSocketsThatHaveNoBuffers) {
  if (::geteuid() != 0) GTEST_SKIP() << "/proc/slabinfo is for root";
  constexpr int kSockets = 50;
  const auto probe = MakeMemoryProbe();
  ASSERT_EQ(probe->Attach({.server_pid = ::getpid()}), "");
  Sample without;
  probe->Read(Moment::kIdle, without);
  if (!without.values.contains("socket_bytes")) GTEST_SKIP() << "no slab of its own for TCP here";
  std::vector<Fd> sockets;
  for (int i = 0; i < kSockets; ++i) sockets.emplace_back(::socket(AF_INET, SOCK_STREAM, 0));
  Sample with;
  probe->Read(Moment::kConnected, with);
  // Whole machine: others may have closed some meanwhile, so that only the presence is certain.
  EXPECT_GT(with.values.at("socket_bytes"), kSockets * 1000.0);
}

TEST(CpusProbe, DerivesShares) {
  Metrics metrics;
  MakeCpusProbe()->Derive(Window({{"total", 1000}, {"idle", 500}, {"softirq", 0}, {"steal", 0}},
                                 {{"total", 1400}, {"idle", 600}, {"softirq", 40}, {"steal", 4}}),
                          {}, metrics);
  EXPECT_DOUBLE_EQ(Value(metrics, "server_cpus_idle"), 0.25);
  EXPECT_DOUBLE_EQ(Value(metrics, "softirq_ratio"), 0.1);
  EXPECT_DOUBLE_EQ(Value(metrics, "steal_ratio"), 0.01);
}

TEST(CpusProbe, TooShortAWindowIsNull) {
  Metrics metrics;
  MakeCpusProbe()->Derive(Window({{"total", 1000}, {"idle", 500}, {"softirq", 0}, {"steal", 0}},
                                 {{"total", 1003}, {"idle", 501}, {"softirq", 0}, {"steal", 0}}),
                          {}, metrics);
  EXPECT_THAT(Why(metrics, "server_cpus_idle"), HasSubstr("too short"));
}

TEST(ReadSmallFile, SaysWhyNot) {
  std::string why;
  EXPECT_FALSE(ReadSmallFile("/proc/0/nothing", why));
  EXPECT_EQ(why, "/proc/0/nothing: No such file or directory");
}

TEST(NumberAfter, TakesWholeLinesOnly) {
  const std::string text = "nonvoluntary_ctxt_switches:\t7\nvoluntary_ctxt_switches:\t5\nPss:  x\n";
  EXPECT_EQ(NumberAfter(text, "voluntary_ctxt_switches:"), 5);
  EXPECT_EQ(NumberAfter(text, "Pss:"), std::nullopt);
  EXPECT_EQ(NumberAfter(text, "Rss:"), std::nullopt);
}

TEST(Netlink, FindsAttributesAndSurvivesNonsense) {
  std::vector<std::byte> bytes(24);
  const nlattr first{.nla_len = 6, .nla_type = 1};  // two bytes, padded to four
  const nlattr second{.nla_len = 8, .nla_type = 2};
  std::memcpy(bytes.data(), &first, sizeof first);
  std::memcpy(bytes.data() + 8, &second, sizeof second);
  EXPECT_EQ(FindNetlinkAttribute(bytes, 1)->size(), 2U);
  EXPECT_EQ(FindNetlinkAttribute(bytes, 2)->size(), 4U);
  EXPECT_EQ(FindNetlinkAttribute(bytes, 3), std::nullopt);
  for (const uint16_t length : {uint16_t{0}, uint16_t{3}, uint16_t{25}, uint16_t{65'535}}) {
    std::memcpy(bytes.data(), &length, sizeof length);
    EXPECT_EQ(FindNetlinkAttribute(bytes, 2), std::nullopt) << length;
  }
  EXPECT_EQ(FindNetlinkAttribute({}, 1), std::nullopt);
}

TEST(Netlink, TakesStatisticsLongerThanItsHeaderAndNoShorterOnes) {
  taskstats stats{};
  stats.cpu_run_virtual_total = 42;
  std::vector<std::byte> bytes(sizeof stats + 144);
  std::memcpy(bytes.data(), &stats, sizeof stats);
  EXPECT_EQ(ParseTaskstats(bytes)->cpu_ns, 42);
  EXPECT_EQ(ParseTaskstats(std::span(bytes).first(100)), std::nullopt);
}

// What the metrics rest on: the kernel adds the threads that have ended to those that live.
TEST(Taskstats, CoversLiveAndEndedThreads) {
  TaskstatsClient client;
  std::string why = client.Open();
  if (!why.empty() || !client.Read(::getpid(), why)) GTEST_SKIP() << why;
  const GroupStats before = *client.Read(::getpid(), why);
  constexpr int kThreads = 4;
  constexpr int64_t kBurnNs = 20 * kNsPerMs;
  const auto burn = [] {
    const int64_t until_ns = ThreadCpuNs() + kBurnNs;
    while (ThreadCpuNs() < until_ns) {
    }
  };
  for (int i = 0; i < kThreads; ++i) std::thread(burn).join();
  std::latch burnt(kThreads);
  std::latch end(1);
  std::vector<std::jthread> live;
  for (int i = 0; i < kThreads; ++i) {
    live.emplace_back([&] {
      burn();
      burnt.count_down();
      end.wait();
    });
  }
  burnt.wait();
  const GroupStats after = *client.Read(::getpid(), why);
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  end.count_down();
  EXPECT_GE(after.cpu_ns - before.cpu_ns, 2 * kThreads * kBurnNs);
  EXPECT_GE(after.dispatches - before.dispatches, 2 * kThreads);
  EXPECT_GE(after.wait_ns, before.wait_ns);
  // getrusage's total is the same precise sum, read a moment later.
  const double rusage_ns =
      1e9 * static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
      1e3 * static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
  EXPECT_THAT(after.cpu_ns, DoubleNear(rusage_ns, 1e9));
}

TEST(Taskstats, SaysThatAProcessIsGone) {
  TaskstatsClient client;
  std::string why = client.Open();
  if (!why.empty() || !client.Read(::getpid(), why)) GTEST_SKIP() << why;
  EXPECT_FALSE(client.Read(0x3fffffff, why));
  EXPECT_EQ(why, "taskstats: No such process");
}

TEST(TaskFiles, VisitsEveryThread) {
  int files = 0;
  EXPECT_EQ(ForEachTaskFile(::getpid(), "status", [&](std::string_view) { ++files; }), "");
  EXPECT_GE(files, 1);
  EXPECT_NE(ForEachTaskFile(0x3fffffff, "status", [](std::string_view) {}), "");
}

}  // namespace
}  // namespace crossover
