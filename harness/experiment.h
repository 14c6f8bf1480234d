// Experiment: a parsed experiment file, that is, the factors of a run, their levels, and how each
// cell is loaded and repeated. Pure: no file is opened and no machine is asked here.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "harness/workload.h"

namespace crossover {

// Server flags that an experiment may set. Absent: the server's own default.
struct ArchitectureFlags {
  std::optional<int64_t> workers;
  std::optional<int64_t> workers_max;
  std::optional<std::string> overflow;  // reject, queue or grow
  std::optional<int64_t> stack_bytes;
  std::optional<int64_t> batch;         // events taken from the kernel at once
  std::optional<int64_t> busy_poll_ns;  // spun for events before blocking for them
  std::optional<int64_t> backlog;
  std::optional<int64_t> idle_timeout_ns;
  std::optional<int64_t> header_timeout_ns;
  std::optional<std::string>
      slow_down;  // "3%": by so much more CPU time in each thread that serves
  bool operator==(const ArchitectureFlags&) const = default;
};

struct ArchitectureLevel {
  std::string name;   // what crossover-server knows it by
  std::string label;  // unique in the experiment; what reports show
  ArchitectureFlags options;
  bool operator==(const ArchitectureLevel&) const = default;
};

struct LoadSettings {
  int64_t threads = 0;     // 0: one per client CPU
  bool busy_poll = false;  // only where the client has CPUs of its own
  int64_t warmup_ns = 1'500'000'000;
  int64_t duration_ns = 4'000'000'000;
  int64_t drain_timeout_ns = 5'000'000'000;
  int64_t connect_timeout_ns = 10'000'000'000;
  int64_t request_timeout_ns = 30'000'000'000;
  bool operator==(const LoadSettings&) const = default;
};

// What a trial is for. The metrics of cells come from trials of the first kind only. A duet
// compares an architecture with the baseline, both alive at a time. In the others an instrument
// looks into the server, at a price.
enum class Pass { kThroughput, kDuet, kProfile, kTrace };
std::string_view PassName(Pass pass);  // "throughput", "duet", "profile", "trace"

// How often a cell has a duet, spread over the run, and when each ends: whichever comes first.
struct DuetSettings {
  int64_t repetitions = 1;
  int64_t pairs = 288;  // of the shortest slices 16 blocks
  double precision =
      0;  // half the width of the 95 % interval of CPU per request, relative; 0: none
  int64_t time_limit_ns = 20'000'000'000;
  int64_t slice_ns = 0;  // 0: by calibration
  bool operator==(const DuetSettings&) const = default;
};

// The trials of an instrument: how many for each cell, and what they do.
struct InstrumentSettings {
  int64_t repetitions = 1;
  int64_t duration_ns = 4'000'000'000;  // of the window, in half of which it is on
  int64_t samples_per_second = 999;     // profile: of each CPU; not in step with the kernel's tick
  bool operator==(const InstrumentSettings&) const = default;
};

struct Placement {
  enum class Mode { kIsolated, kShared, kExplicit };
  Mode mode = Mode::kIsolated;
  std::vector<int> server_cpus;  // only if kExplicit
  std::vector<int> client_cpus;
  bool operator==(const Placement&) const = default;
};

// Prefixes of the command lines, for children that run elsewhere.
struct Launcher {
  std::vector<std::string> server;
  std::vector<std::string> client;
  bool operator==(const Launcher&) const = default;
};

// Beside both contenders of a duet, for the self-test: see harness/duet/companion.h.
struct CompanionSettings {
  double share = 0;  // of the server's CPU time; it counts as the second contender's
  std::string program;
  bool operator==(const CompanionSettings&) const = default;
};

struct Experiment {
  std::string name;
  std::string description;
  uint64_t seed = 20210401;
  int64_t repetitions = 5;
  Placement placement;
  std::vector<ArchitectureLevel> architectures;  // the first is the baseline of comparisons
  std::vector<int64_t> connections;              // ascending, without repeats
  std::vector<Workload> workloads = {Workload{}};
  std::optional<Axis> axis;  // that the workloads are places on
  LoadSettings load;
  std::optional<DuetSettings> duet;           // none: no such trials
  std::optional<InstrumentSettings> profile;  // likewise
  std::optional<InstrumentSettings> trace;
  std::optional<CompanionSettings> companion;  // none; a file can't ask for it
  int64_t cost_readings = 0;  // how often single steps are measured, spread over the run; 0: never
  bool canary = true;
  Launcher launcher;
  bool operator==(const Experiment&) const = default;
};

// Reads the text of an experiment file; `source` names it in messages. With `known_architectures`
// not empty, architecture names must be in it. Throws UsageError, one line: source, path of the
// key (or line and column), what is wrong, what to do.
Experiment ParseExperiment(std::string_view text, std::string_view source,
                           std::span<const std::string> known_architectures = {});

// How often each cell is tried in `pass`; 0: not at all. The baseline's cells have no duet, and the
// others one in a repetition at most.
int64_t RepetitionsOf(const Experiment& experiment, Pass pass);
// The settings of the instrument of `pass`, which the experiment has.
const InstrumentSettings& SettingsOf(const Experiment& experiment, Pass pass);
// How long the window of such a trial is.
int64_t WindowNs(const Experiment& experiment, Pass pass);

// The file with defaults filled in, except for keys of which most files have no need;
// ParseExperiment of its dump gives `experiment` again.
nlohmann::json ToJson(const Experiment& experiment);

// 16 hex digits, the FNV-1a 64 of the normalised JSON: equal if and (practically) only if the
// experiments are. Guards --resume.
std::string ExperimentFingerprint(const Experiment& experiment);

// Arguments of crossover-server for this contender: --architecture and each option that is set,
// without --listen.
std::vector<std::string> ServerArguments(const ArchitectureLevel& architecture);

// A duration that ParseDurationNs reads back exactly, in the largest unit that divides it:
// "1500ms".
std::string DurationText(int64_t ns);

}  // namespace crossover
