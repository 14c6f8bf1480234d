// Context switches and page faults: the server's own getrusage, which covers threads that have
// ended too and comes with its counters at both ends of the window. The same
// line tells how many requests it had served just then: the change of one divided by the change of
// the other needs no clock. Of a server that doesn't report it, or can't because it serves in many
// processes, switches are known only, of live threads: from taskstats or the threads' status files.
#include "harness/probe.h"
#include "harness/probes/task_files.h"
#include "harness/probes/taskstats_client.h"

namespace crossover {
namespace {

constexpr std::string_view kVoluntary = "voluntary_switches";
constexpr std::string_view kInvoluntary = "involuntary_switches";
constexpr std::string_view kRequests = "requests";

// As samples: each counters line with the time that the server itself put on it.
Samples FromCounters(const TrialFacts& facts) {
  Samples samples;
  const auto take = [](const nlohmann::json& counters, Sample& sample) {
    try {
      sample.time_ns = counters.at("time_ns").get<int64_t>();
      sample.values[std::string(kRequests)] = counters.at("requests").get<double>();
      for (const auto& [key, value] : counters.at("rusage").items()) {
        sample.values[key] = value.get<double>();
      }
    } catch (const nlohmann::json::exception&) {
      sample.failure = "the server's counters lack rusage or requests";
    }
  };
  take(facts.server_before, samples[static_cast<size_t>(Moment::kWindowStart)]);
  take(facts.server_after, samples[static_cast<size_t>(Moment::kWindowEnd)]);
  return samples;
}

std::optional<double> Sum(std::optional<double> a, std::optional<double> b) {
  return a && b ? std::optional<double>(*a + *b) : std::nullopt;
}

class RusageProbe : public Probe {
 public:
  std::vector<std::string_view> metrics() const override {
    return {"context_switches_per_request", "voluntary_switches_per_request",
            "involuntary_switches_per_request", "page_faults_per_request"};
  }

  std::string Attach(const ProbeTarget& target) override {
    target_ = target;
    std::string why;
    if (target_.server_reports_rusage) return {};
    why = client_.Open();
    use_taskstats_ = why.empty() && client_.Read(target_.server_pid, why);
    return {};
  }

  void Read(Moment moment, Sample& sample) override {
    if (target_.server_reports_rusage) return;
    if (moment != Moment::kWindowStart && moment != Moment::kWindowEnd) return;
    Switches sums;
    ReadEachProcess(target_, sample, [&](pid_t pid, std::string& why) {
      return use_taskstats_ ? AddTaskstats(pid, sums, why) : AddStatus(pid, sums, why);
    });
    if (!sample.failure.empty()) return;
    sample.values = {{std::string(kVoluntary), sums.voluntary},
                     {std::string(kInvoluntary), sums.involuntary}};
  }

  void Derive(const Samples& samples, const TrialFacts& facts, Metrics& metrics) const override {
    const Samples& used = target_.server_reports_rusage ? FromCounters(facts) : samples;
    std::string why;
    const auto voluntary = WindowRate(used, kVoluntary, why);
    const auto involuntary = WindowRate(used, kInvoluntary, why);
    const double requests = target_.server_reports_rusage
                                ? WindowRate(used, kRequests, why).value_or(0)
                                : facts.throughput_rps;
    SetRatio(metrics, "context_switches_per_request", Sum(voluntary, involuntary), requests, 1,
             why);
    SetRatio(metrics, "voluntary_switches_per_request", voluntary, requests, 1, why);
    SetRatio(metrics, "involuntary_switches_per_request", involuntary, requests, 1, why);
    // One after the other, so that `why` is of the first that is missing.
    const auto minor = WindowRate(used, "minor_faults", why);
    const auto major = minor ? WindowRate(used, "major_faults", why) : std::nullopt;
    const auto faults = Sum(minor, major);
    SetRatio(metrics, "page_faults_per_request", faults, requests, 1, why);
  }

 private:
  struct Switches {
    double voluntary = 0;
    double involuntary = 0;
  };

  bool AddTaskstats(pid_t pid, Switches& sums, std::string& why) {
    const auto stats = client_.Read(pid, why);
    if (!stats) return false;
    sums.voluntary += stats->voluntary_switches;
    sums.involuntary += stats->involuntary_switches;
    return true;
  }

  static bool AddStatus(pid_t pid, Switches& sums, std::string& why) {
    bool complete = true;
    why = ForEachTaskFile(pid, "status", [&](std::string_view text) {
      const auto own = NumberAfter(text, "voluntary_ctxt_switches:");
      const auto forced = NumberAfter(text, "nonvoluntary_ctxt_switches:");
      complete = complete && own && forced;
      sums.voluntary += own.value_or(0);
      sums.involuntary += forced.value_or(0);
    });
    if (!complete) why = "/proc/PID/task/*/status tells no context switches";
    return why.empty();
  }

  ProbeTarget target_;
  bool use_taskstats_ = false;
  TaskstatsClient client_;
};

}  // namespace

std::unique_ptr<Probe> MakeRusageProbe() { return std::make_unique<RusageProbe>(); }

}  // namespace crossover
