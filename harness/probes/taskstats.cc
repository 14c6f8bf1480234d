// CPU time, run-queue wait and dispatches of the server's whole thread group, from taskstats; where
// the kernel refuses that (it wants CAP_NET_ADMIN), from the schedstat files of its live threads.
// To the CPU time comes what ksoftirqd takes on the server's CPUs (softirq_threads.h).
#include <charconv>

#include "base/clock.h"
#include "harness/probe.h"
#include "harness/probes/softirq_threads.h"
#include "harness/probes/task_files.h"
#include "harness/probes/taskstats_client.h"

namespace crossover {
namespace {

constexpr std::string_view kCpuNs = "cpu_ns";
constexpr std::string_view kSoftirqNs = "ksoftirqd_ns";
constexpr std::string_view kWaitNs = "wait_ns";
constexpr std::string_view kDispatches = "dispatches";
constexpr std::string_view kThreads = "threads";  // whose files were summed
constexpr std::string_view kUserTicksUs = "user_ticks_us";
constexpr std::string_view kKernelTicksUs = "kernel_ticks_us";

// The share of user mode in the CPU time of the window. The kernel splits by ticks even where it
// times precisely, so only the proportion is taken, and put upon the precise total.
std::optional<double> UserShare(const Samples& samples, const TrialFacts& facts, std::string& why) {
  double user = 0;
  double kernel = 0;
  try {
    const auto& before = facts.server_before.at("rusage");
    const auto& after = facts.server_after.at("rusage");
    user = after.at("user_us").get<double>() - before.at("user_us").get<double>();
    kernel = after.at("system_us").get<double>() - before.at("system_us").get<double>();
  } catch (const nlohmann::json::exception&) {
    user = WindowRate(samples, kUserTicksUs, why).value_or(0);
    kernel = WindowRate(samples, kKernelTicksUs, why).value_or(0);
  }
  if (user + kernel > 0) return user / (user + kernel);
  if (why.empty()) why = "the kernel's tick accounting saw nothing in the window";
  return std::nullopt;
}

class TaskstatsProbe : public Probe {
 public:
  std::vector<std::string_view> metrics() const override {
    return {"server_requests_per_cpu_second", "cpu_us_per_request",
            "cpu_user_us_per_request",        "cpu_kernel_us_per_request",
            "ksoftirqd_us_per_request",       "run_queue_wait_us_per_request",
            "wait_us_per_dispatch",           "time_slice_us",
            "server_cpu_utilization"};
  }

  std::string Attach(const ProbeTarget& target) override {
    target_ = target;
    why_no_softirq_ = target_.has_cpus_to_itself ? softirq_.Open(target_.server_cpus)
                                                 : "the server does not have its CPUs to itself";
    std::string why = client_.Open();
    use_taskstats_ = why.empty() && client_.Read(target_.server_pid, why);
    if (use_taskstats_) return {};
    Sample trial;
    AddSchedstat(target_.server_pid, trial.values, trial.failure);
    return trial.failure.empty() ? "" : why + "; and " + trial.failure;
  }

  void Read(Moment moment, Sample& sample) override {
    if (moment != Moment::kWindowStart && moment != Moment::kWindowEnd) return;
    Values sums;
    ReadEachProcess(target_, sample, [&](pid_t pid, std::string& why) {
      return use_taskstats_ ? AddTaskstats(pid, sums, why) : AddSchedstat(pid, sums, why);
    });
    if (!sample.failure.empty()) return;
    sample.values = std::move(sums);
    if (!why_no_softirq_.empty()) return;
    if (const auto ns = softirq_.CpuNs(why_no_softirq_)) {
      sample.values[std::string(kSoftirqNs)] = *ns;
    }
  }

  void Derive(const Samples& samples, const TrialFacts& facts, Metrics& metrics) const override {
    std::string why;
    auto cpu = WindowRate(samples, kCpuNs, why);
    auto wait = WindowRate(samples, kWaitNs, why);
    auto dispatches = WindowRate(samples, kDispatches, why);
    const double requests = facts.throughput_rps;
    // Where files were summed, fewer threads in the end tell of some whose sums are lost.
    if (At(samples, Moment::kWindowEnd).values.contains(kThreads) &&
        !WindowRate(samples, kThreads, why)) {
      cpu = wait = dispatches = std::nullopt;
    }
    // A process that lives has used a CPU and was dispatched: zeros since its start are the
    // kernel's way to say "not counted".
    const auto& last = At(samples, Moment::kWindowEnd).values;
    const auto counted = [&](std::string_view key) {
      const auto found = last.find(key);
      return found == last.end() || found->second > 0;
    };
    if (!counted(kCpuNs) || !counted(kDispatches)) {
      why = "the kernel counts no CPU time or no dispatches of threads";
      cpu = wait = dispatches = std::nullopt;
    }
    SetRatio(metrics, "run_queue_wait_us_per_request", wait, requests, 1e-3, why);
    SetRatio(metrics, "wait_us_per_dispatch", wait, dispatches.value_or(0), 1e-3, why);
    SetRatio(metrics, "time_slice_us", cpu, dispatches.value_or(0), 1e-3, why);
    SetCpuMetrics(samples, facts, cpu, why, metrics);
  }

 private:
  using Values = decltype(Sample::values);

  // `threads`: per second, of the server's own; nullopt for `why`.
  void SetCpuMetrics(const Samples& samples, const TrialFacts& facts, std::optional<double> threads,
                     std::string why, Metrics& metrics) const {
    const double requests = facts.throughput_rps;
    std::string why_no_softirq = why_no_softirq_;
    std::optional<double> softirq;
    if (why_no_softirq.empty()) softirq = WindowRate(samples, kSoftirqNs, why_no_softirq);
    SetRatio(metrics, "ksoftirqd_us_per_request", softirq, requests, 1e-3, why_no_softirq);
    auto cpu = threads;
    if (cpu) *cpu += softirq.value_or(0);
    SetRatio(metrics, "server_requests_per_cpu_second",
             cpu ? std::optional<double>(requests) : std::nullopt, cpu.value_or(0), 1e9, why);
    SetRatio(metrics, "cpu_us_per_request", cpu, requests, 1e-3, why);
    SetRatio(metrics, "server_cpu_utilization", cpu,
             static_cast<double>(facts.server_cpu_count) * 1e9, 1, why);
    const auto share = UserShare(samples, facts, why);
    std::optional<double> user;
    std::optional<double> kernel;
    if (share && threads) {
      user = *threads * *share;
      kernel = *cpu - *user;
    }
    SetRatio(metrics, "cpu_user_us_per_request", user, requests, 1e-3, why);
    SetRatio(metrics, "cpu_kernel_us_per_request", kernel, requests, 1e-3, why);
  }

  bool AddTaskstats(pid_t pid, Values& values, std::string& why) {
    const auto stats = client_.Read(pid, why);
    if (!stats) return false;
    if (target_.processes != nullptr && stats->dispatches == 0) {
      why = "ended while it was read";
      return false;
    }
    values[std::string(kCpuNs)] += stats->cpu_ns;
    values[std::string(kWaitNs)] += stats->wait_ns;
    values[std::string(kDispatches)] += stats->dispatches;
    values[std::string(kUserTicksUs)] += stats->user_ticks_us;
    values[std::string(kKernelTicksUs)] += stats->kernel_ticks_us;
    return true;
  }

  static bool AddSchedstat(pid_t pid, Values& values, std::string& why) {
    double sums[3] = {0, 0, 0};  // on the CPU, runnable, dispatches
    int64_t threads = 0;
    why = ForEachTaskFile(pid, "schedstat", [&](std::string_view text) {
      ++threads;
      const char* at = text.data();
      const char* const end = text.data() + text.size();
      for (double& sum : sums) {
        double number = 0;
        const auto result = std::from_chars(at, end, number);
        if (result.ec != std::errc{}) return;
        sum += number;
        at = result.ptr == end ? end : result.ptr + 1;
      }
    });
    if (!why.empty()) return false;
    values[std::string(kCpuNs)] += sums[0];
    values[std::string(kWaitNs)] += sums[1];
    values[std::string(kDispatches)] += sums[2];
    values[std::string(kThreads)] += static_cast<double>(threads);
    return true;
  }

  ProbeTarget target_;
  SoftirqThreads softirq_;
  std::string why_no_softirq_;  // empty: they are read
  bool use_taskstats_ = false;
  TaskstatsClient client_;
};

}  // namespace

std::unique_ptr<Probe> MakeTaskstatsProbe() { return std::make_unique<TaskstatsProbe>(); }

}  // namespace crossover
