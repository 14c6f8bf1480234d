// Architecture: which thread runs which connection, and when. The only thing in which two servers
// of Crossover differ, and the seam at which new ones are added: one file and one line in
// architectures.def.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "servers/counters.h"
#include "servers/listener.h"

namespace crossover {

// What a pool does with a connection that comes when all its workers are busy and at their limit.
enum class Overflow {
  kReject,  // 503, as fasthttp does
  kQueue,   // it waits for a worker
  kGrow,    // one worker more than the limit, for as long as it is needed
};

// The knobs.
struct ArchitectureOptions {
  size_t workers = 0;            // of a fixed number; 0: one for each CPU that it may use
  size_t workers_max = 262'144;  // of a growing pool
  Overflow overflow = Overflow::kReject;
  int64_t worker_idle_ns = 10'000'000'000;  // after which a growing pool lets a worker go
  size_t stack_bytes = 128 * 1024;          // of a thread, or fibre, that serves connections
  size_t batch = 512;                       // events taken from the kernel at once
  int64_t busy_poll_ns = 0;                 // spun for events before blocking for them
};

// ArchitectureOptions::workers, with its default resolved.
size_t WorkerCount(const ArchitectureOptions& options);

// The processes that serve beside the one that the server was made in.
struct ServingProcesses {
  std::vector<pid_t> pids;  // those that live, or lived a moment ago
  uint64_t ended = 0;       // so far; what the kernel had counted for them is lost
};

class Architecture {
 public:
  virtual ~Architecture() = default;

  // Called once, when the server listens and has started no thread yet: where processes are forked
  // that serve. They share the counters, the listener and what its stop and its table's drain say.
  virtual void Prepare(Listener& /*listener*/, Counters& /*counters*/) {}

  // nullopt of one that serves within this process. Any thread.
  virtual std::optional<ServingProcesses> processes() const { return std::nullopt; }

  // Serves what `listener` accepts until it says stop, then until the last connection is done (the
  // ConnectionTable sees to it that they end), joins its threads and returns. What fails on the way
  // for want of threads or descriptors is counted, and survived. Called once.
  virtual void Serve(Listener& listener, Counters& counters) = 0;
};

// Which of them an architecture takes, beside the backlog and the timeouts, which all do; bits.
enum Knobs : unsigned {
  kKnobWorkers = 1,     // workers
  kKnobWorkersMax = 2,  // workers_max
  kKnobStack = 4,
  kKnobBatch = 8,
  kKnobBusyPoll = 16,
  kKnobOverflow = 32,  // overflow, worker_idle_ns
};

// How many threads serve N connections.
enum class ThreadUse {
  kOne,
  kWorkers,  // ArchitectureOptions::workers
  kGrowing,  // as many as there are connections, up to workers_max
  kConnections,
  kProcesses,  // as kGrowing, each a process of its own
};

struct ArchitectureEntry {
  std::string_view name;  // ends with a NUL
  ThreadUse threads;
  unsigned knobs;  // Knobs
  std::string_view summary;
  std::unique_ptr<Architecture> (*make)(const ArchitectureOptions& options);
};

// All of them, in the order of architectures.def.
std::span<const ArchitectureEntry> Architectures();
// Null if there is none of that name.
const ArchitectureEntry* FindArchitecture(std::string_view name);

}  // namespace crossover
