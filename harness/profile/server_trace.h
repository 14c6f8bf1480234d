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

// Sums over what was traced.
struct TraceSums {
  uint64_t wakings = 0;               // of the server's threads, that were followed by a run
  uint64_t wakings_across_cpus = 0;   // those that ran on another CPU than the one that woke them
  uint64_t switches = 0;              // away from the server's threads
  uint64_t preemptions = 0;           // those of them that did not block
  std::vector<int64_t> run_queue_ns;  // from each waking to the run
  uint64_t still_waiting = 0;         // woken, and had not run by the end
  // From leaving a CPU to coming upon one again, by the stack's number; kPreempted: it did not
  // block.
  std::map<uint32_t, int64_t> off_cpu_ns;
  std::map<uint32_t, uint64_t> off_cpu_count;
  std::map<int64_t, uint64_t> system_calls;     // by number
  std::map<int64_t, uint64_t> waits_by_events;  // of epoll_wait: how many returned how many
};

// Adds what happened in one stretch of time. `events`, in their order. A thread is known from its
// first event on: what began before is left out.
void AddEvents(const std::vector<TraceEvent>& events, TraceSums& sums);

// q in [0, 1], by nearest rank among the `values`, which it sorts, and so many more that are longer
// than all of them. nullopt if it is one of those, or there is none.
std::optional<int64_t> QuantileNs(std::vector<int64_t>& values, uint64_t longer, double q);

}  // namespace crossover
