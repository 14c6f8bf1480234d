// Probe: reads metrics of one process or of the machine at the moments of a trial.
//
// To add one: write probes/NAME.cc with a class and `std::unique_ptr<Probe> MakeNAMEProbe()`, add a
// line to probes.def and the file to CMakeLists.txt, and its metrics to metric.cc.
#pragma once

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "harness/metric.h"

namespace crossover {

// When a probe is read.
enum class Moment {
  kIdle,         // the server is ready and has no connection
  kConnected,    // all connections are established, each was served once, none is busy
  kWindowStart,  // the load generator has just opened its window
  kWindowEnd,    // it has just closed it
};
inline constexpr size_t kMomentCount = 4;

// The processes of a server that serves in many.
struct ServerProcesses {
  std::vector<pid_t> pids;
  int64_t ended = 0;    // so far, by the server's count
  int64_t time_ns = 0;  // CLOCK_MONOTONIC, when they were listed
};

// What was read at one moment: cumulative values under names that the probe chooses.
struct Sample {
  int64_t time_ns = 0;  // CLOCK_MONOTONIC, just before the reading, or as ReadEachProcess() says
  ServerProcesses
      processes;  // over which the values are sums; none: they are of one, or no process
  std::map<std::string, double, std::less<>> values;
  std::string failure;  // not empty: why there is no reading
};
using Samples = std::array<Sample, kMomentCount>;

inline const Sample& At(const Samples& samples, Moment moment) {
  return samples[static_cast<size_t>(moment)];
}

struct ProbeTarget {
  pid_t server_pid = -1;
  // All of its processes as they are at the moment of the reading, or null: it is the only one.
  // Whoever attaches the probe owns the list and keeps it current.
  const ServerProcesses* processes = nullptr;
  std::vector<int> server_cpus;
  bool has_cpus_to_itself = false;    // the load generator runs elsewhere
  bool server_reports_rusage = true;  // its counters carry getrusage
};

// What the rest of the trial found, for metrics that combine.
struct TrialFacts {
  int64_t connections = 0;
  double throughput_rps = 0;  // over the load generator's window; 0: none
  size_t server_cpu_count = 0;
  nlohmann::json server_before;  // counters at the window's start, or null
  nlohmann::json server_after;   // at its end, or null
};

// One instance serves one trial, on one thread.
class Probe {
 public:
  virtual ~Probe() = default;
  // The metrics that Derive sets. Each is set in every trial: to a value or to the reason.
  virtual std::vector<std::string_view> metrics() const = 0;
  // Prepares to read `target`. Empty if it can, or else the reason, one line; then Read is not
  // called.
  virtual std::string Attach(const ProbeTarget& target) = 0;
  // Reads now. On failure leaves the reason in sample.failure. A probe that has nothing to do with
  // this moment leaves the sample empty.
  virtual void Read(Moment moment, Sample& sample) = 0;
  // Computes the metrics of the whole trial. A pure function of its arguments.
  virtual void Derive(const Samples& samples, const TrialFacts& facts, Metrics& metrics) const = 0;
};

// A probe with what it has read in this trial.
class AttachedProbe {
 public:
  AttachedProbe(std::string_view name, std::unique_ptr<Probe> probe)
      : name_(name), probe_(std::move(probe)) {}
  void Attach(const ProbeTarget& target);
  void Read(Moment moment);
  // As at the window's start, and forgets it: for what it costs.
  void ReadInVain();
  void Derive(const TrialFacts& facts, Metrics& metrics) const;

 private:
  std::string name_;
  std::unique_ptr<Probe> probe_;
  std::string refused_;
  Samples samples_;
};

// One of each registered in probes.def, in its order.
std::vector<AttachedProbe> MakeProbes();

// Calls `read` with each process of the server, or with server_pid if it is the only one, until one
// fails; the failure, which `read` gave, is then the sample's. To read 16,000 takes half a second:
// the sample's time is then the middle of it.
void ReadEachProcess(const ProbeTarget& target, Sample& sample,
                     const std::function<bool(pid_t pid, std::string& why)>& read);

// The change of `key` per second between the two ends of the window. Probes are read a little
// after the load generator's own marks, and not all at once, so each metric per request is its rate
// over the probe's own window divided by the throughput over the load generator's: a shift of the
// windows against each other then costs nothing as long as the load is steady. nullopt, with the
// reason in `why`, if an end is missing, time stood still, the value fell, or a process ended
// within: what the kernel had counted for it is lost.
std::optional<double> WindowRate(const Samples& samples, std::string_view key, std::string& why);

// Sets `name` to `numerator` x `scale` / `denominator`, or to unavailable: for `why` if numerator
// is missing, or because nothing was counted if denominator is 0.
void SetRatio(Metrics& metrics, std::string_view name, std::optional<double> numerator,
              double denominator, double scale, std::string_view why);

// The text of a small file, such as one in /proc. nullopt, with the reason in `why`, if it cannot
// be read.
std::optional<std::string> ReadSmallFile(const std::string& path, std::string& why);

// The number after the line that starts with `key` ("Pss:" in "Pss:   12 kB"), or nullopt.
std::optional<double> NumberAfter(std::string_view text, std::string_view key);

}  // namespace crossover
