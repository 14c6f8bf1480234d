// ServerTrace: what the scheduler did with the server's threads, event by event, and what that adds
// up to. Pure: see SwitchTracer for where the events come from.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace crossover {

struct TraceEvent {
  enum class Kind : uint8_t { kWaking, kSwitch, kSystemCall, kSystemCallEnd };
  Kind kind = Kind::kSwitch;
  bool of_server = false;  // `thread` is one of the server's
  bool next_of_server = false;
  bool preempted = false;  // kSwitch: `thread` could have gone on
  int cpu = 0;
  int64_t time_ns = 0;  // CLOCK_MONOTONIC
  pid_t thread = 0;     // kWaking: who is woken; kSwitch: who leaves the CPU; else: who calls
  pid_t next = 0;       // kSwitch: who comes upon it
  int64_t number = 0;   // of the system call
  int64_t result = 0;   // kSystemCallEnd: what it returned
  uint32_t stack = 0;   // kSwitch: the caller's number for where `thread` left; not 0
};

inline constexpr uint32_t kPreempted = 0;

// A stretch of time that was traced without a gap.
struct TraceStretch {
  int64_t begin_ns = 0;
  int64_t end_ns = 0;
};

// Sums over what was traced.
struct TraceSums {
  uint64_t wakings = 0;              // of the server's threads
  uint64_t wakings_across_cpus = 0;  // those that then ran on another CPU than the one that woke
  uint64_t switches = 0;             // away from the server's threads
  uint64_t preemptions = 0;          // those of them that did not block
  // From each waking in the first half of a stretch to the run. Later ones are left out: of those,
  // only the short waits would be seen to end.
  std::vector<int64_t> run_queue_ns;
  uint64_t still_waiting = 0;  // woken in the first half, and had not run by the end
  // From leaving a CPU to coming upon one again, by the stack's number; kPreempted: it did not
  // block.
  std::map<uint32_t, int64_t> off_cpu_ns;
  std::map<uint32_t, uint64_t> off_cpu_count;
  int64_t off_cpu_cut_ns = 0;  // within the stretch, of those whose begin or end lies outside
  std::map<int64_t, uint64_t> system_calls;     // by number
  std::map<int64_t, uint64_t> waits_by_events;  // of epoll_wait: how many returned how many
};

// Adds what happened in one stretch. `events`, in their order. A thread is known from its first
// event on; one without any is not.
void AddEvents(const std::vector<TraceEvent>& events, const TraceStretch& stretch, TraceSums& sums);

// q in [0, 1], by nearest rank among the `values`, which it sorts, and so many more that are longer
// than all of them. nullopt if it is one of those, or there is none.
std::optional<int64_t> QuantileNs(std::vector<int64_t>& values, uint64_t longer, double q);

}  // namespace crossover
