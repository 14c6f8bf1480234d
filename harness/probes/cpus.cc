// What the server's CPUs did, whoever used them: idle, soft interrupts, taken by the hypervisor.
// From /proc/stat, in ticks, so a window of some seconds resolves about a percent.
#include <charconv>

#include "harness/probe.h"

namespace crossover {
namespace {

constexpr std::string_view kTotal = "total";
constexpr std::string_view kIdle = "idle";
constexpr std::string_view kSoftirq = "softirq";
constexpr std::string_view kSteal = "steal";
// A share of fewer ticks than this would be a guess.
constexpr double kTicksMin = 5;

// The first eight columns of a cpu line; guest time, beyond them, is contained in user time.
enum StatColumn { kUser, kNice, kSystem, kIdleTicks, kIoWait, kIrq, kSoftirqTicks, kStealTicks };
constexpr size_t kStatColumns = 8;

bool AddCpu(std::string_view stat, int cpu, double (&sums)[kStatColumns]) {
  const std::string key = "\ncpu" + std::to_string(cpu) + " ";
  const size_t line = stat.find(key);
  if (line == std::string_view::npos) return false;
  const char* at = stat.data() + line + key.size();
  const char* const end = stat.data() + stat.size();
  for (double& sum : sums) {
    double ticks = 0;
    const auto result = std::from_chars(at, end, ticks);
    if (result.ec != std::errc{}) return false;
    sum += ticks;
    at = result.ptr == end ? end : result.ptr + 1;
  }
  return true;
}

class CpusProbe : public Probe {
 public:
  std::vector<std::string_view> metrics() const override {
    return {"server_cpus_idle", "softirq_ratio", "steal_ratio"};
  }

  std::string Attach(const ProbeTarget& target) override {
    cpus_ = target.server_cpus;
    return cpus_.empty() ? "the server's CPUs are not known" : "";
  }

  void Read(Moment moment, Sample& sample) override {
    if (moment != Moment::kWindowStart && moment != Moment::kWindowEnd) return;
    const auto stat = ReadSmallFile("/proc/stat", sample.failure);
    if (!stat) return;
    double sums[kStatColumns] = {};
    for (const int cpu : cpus_) {
      if (!AddCpu(*stat, cpu, sums)) {
        sample.failure = "/proc/stat has no line for CPU " + std::to_string(cpu);
        return;
      }
    }
    double total = 0;
    for (const double sum : sums) total += sum;
    sample.values = {{std::string(kTotal), total},
                     {std::string(kIdle), sums[kIdleTicks] + sums[kIoWait]},
                     {std::string(kSoftirq), sums[kSoftirqTicks]},
                     {std::string(kSteal), sums[kStealTicks]}};
  }

  void Derive(const Samples& samples, const TrialFacts&, Metrics& metrics) const override {
    std::string why;
    std::optional<double> total = WindowRate(samples, kTotal, why);
    if (total) {
      const auto last = At(samples, Moment::kWindowEnd).values.find(kTotal);
      const auto first = At(samples, Moment::kWindowStart).values.find(kTotal);
      if (last->second - first->second < kTicksMin) {
        total.reset();
        why = "the window is too short for the kernel's tick accounting";
      }
    }
    const auto set = [&](std::string_view name, std::string_view key) {
      const auto ticks = total ? WindowRate(samples, key, why) : std::nullopt;
      SetRatio(metrics, name, ticks, total.value_or(0), 1, why);
    };
    set("server_cpus_idle", kIdle);
    set("softirq_ratio", kSoftirq);
    set("steal_ratio", kSteal);
  }

 private:
  std::vector<int> cpus_;
};

}  // namespace

std::unique_ptr<Probe> MakeCpusProbe() { return std::make_unique<CpusProbe>(); }

}  // namespace crossover
