// SwitchTracer: records the scheduler's tracepoints and system calls of the server, for some slices
// of a trial. Every event costs the server about a microsecond: never take throughput from it.
//
// By perf's rings rather than a BPF program: nothing to compile or install, the records can be kept
// and read again, and each latency is exact instead of falling into a bucket.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "harness/profile/cpu_sampler.h"
#include "harness/profile/perf_event.h"
#include "harness/profile/server_trace.h"
#include "harness/profile/tracepoint.h"

namespace crossover {

// One thread.
class SwitchTracer {
 public:
  struct Slice {
    int64_t begin_ns;
    int64_t end_ns;
  };
  struct Recorded {
    std::vector<TraceEvent> events;             // by time
    std::vector<std::vector<uint64_t>> stacks;  // kernel addresses, leaf first; number 0 is empty
    uint64_t lost = 0;
    bool foreign_numbers = false;  // threads are numbered as in another PID namespace
  };

  // Opens it for the server `pid`, whose threads and processes go by one name (comm), on
  // `server_cpus`; its threads are woken from `client_cpus` as well. nullopt, with the reason in
  // `why`.
  static std::optional<SwitchTracer> Open(pid_t pid, const std::vector<int>& server_cpus,
                                          const std::vector<int>& client_cpus, std::string& why);
  void Enable();
  void Disable();
  // Makes room for more: to be called every quarter of a second.
  void Collect();
  // What was recorded since it was opened, or since the last time. `server`: its processes, sorted.
  Recorded Take(const std::vector<pid_t>& server);

 private:
  struct Points {
    Tracepoint waking;
    Tracepoint sched_switch;
    Tracepoint sys_enter;
    Tracepoint sys_exit;
  };
  SwitchTracer(Points points, std::string comm, pid_t pid)
      : points_(std::move(points)), comm_(std::move(comm)), pid_(pid) {}
  static std::optional<Points> FindPoints(std::string& why);
  bool OpenOn(int cpu, bool of_server, std::string& why);
  bool AddPoint(const Tracepoint& point, const std::string& filter, bool with_stack, int cpu,
                std::string& why);
  struct Reading;
  void Read(std::span<const std::byte> body, const std::vector<pid_t>& server,
            Reading& reading) const;

  Points points_;
  std::string comm_;
  std::vector<PerfEvent> events_;  // grouped by CPU: the first of each has the ring
  std::vector<size_t> rings_;      // which those are
  pid_t pid_;
  std::unordered_set<pid_t> threads_;  // of the server, as it was enabled
};

}  // namespace crossover
