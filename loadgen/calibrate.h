// Calibrate(): what the load generator can do on this host, found against the null responder. A
// server that comes near these figures is measured by a client that is at its own limit.
#pragma once

#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "loadgen/load_generator.h"

namespace crossover {

struct CalibrationOptions {
  std::optional<size_t> connections;  // beside 1 and 200; none: 8,000, or what open files permit
  size_t threads = 1;                 // of the client; at most one per connection
  EngineKind engine = EngineKind::kAuto;  // kAuto: each that the kernel permits, in turn
  std::vector<int> cpus;                  // the client's; empty: those after the responder's
  int64_t warmup_ns = kNsPerSecond;
  int64_t duration_ns = 2 * kNsPerSecond;  // of each window
};

// Which CPU was busy enough to be what limited a run. kNeither: both were waiting, for one another
// or for a CPU that somebody else had. kSharedCpu: client and responder together fill one CPU.
enum class Bottleneck { kNeither, kClient, kResponder, kBoth, kSharedCpu };

struct CalibrationCpus {
  int responder = 0;
  std::vector<int> client;
  bool shared = false;  // the responder's CPU is one of the client's

  bool operator==(const CalibrationCpus&) const = default;
};

struct CalibrationRun {
  LoadResult load;
  double responder_utilization = 0;  // of one CPU, in the window
  Bottleneck bottleneck = Bottleneck::kNeither;

  // Requests per second of CPU that all client threads had in the window; 0 if they had none.
  double requests_per_cpu_second() const;
};

struct Calibration {
  CalibrationOptions options;
  CalibrationCpus cpus;
  std::string io_uring_reason;  // why io_uring was left out; empty: it was not, or not asked for
  std::vector<CalibrationRun> runs;  // by engine, then by connections
  bool stopped_early = false;

  // The run with the most requests per second; null if there is none.
  const CalibrationRun* fastest() const;
  // Every run was done to its end, with a flawless ledger.
  bool flawless() const;
};

// The parts of Calibrate that hang on the machine by their arguments alone. Pure.
//
// Ascending, without repeats: 1, 200, and `asked`, or else as many of 8,000 as `open_files` permit
// with `threads` client threads.
std::vector<size_t> CalibrationConnections(std::optional<size_t> asked, uint64_t open_files,
                                           size_t threads);
// The responder's is the first of `allowed` (ascending, not empty) that the client has not; it is
// shared where there is none. The client's are the first `threads` of `asked`, or else those after
// the responder's.
CalibrationCpus AssignCpus(const std::vector<int>& allowed, const std::vector<int>& asked,
                           size_t threads);
// Both of one CPU.
Bottleneck BottleneckOf(double client_utilization, double responder_utilization, bool shared);

// Runs closed loops against a null responder, one after the other, each with a new responder in a
// process of its own, which ends with the run, or with the calling thread. `stop_fd`: as in
// LoadControl; the run under way is then the last. Blocks. Throws what Run throws. To be called
// while no other thread of the process holds a lock: it forks.
Calibration Calibrate(const CalibrationOptions& options, int stop_fd = -1);

// A table, the CPUs before it, and after it what limited the fastest run and whether all was well.
std::string ToText(const Calibration& calibration);
// Schema "crossover-calibration/1", with the figures of the table. What can't be had is null.
nlohmann::json ToJson(const Calibration& calibration);
// Text to standard output; JSON to `json_path`, or with "-" to standard output instead of text.
// Throws UsageError if either can't be written.
void Write(const Calibration& calibration, const std::string& json_path);

}  // namespace crossover
