// ServerCpuClock: the CPU time that a server has taken so far, quickly.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <utility>

#include "harness/probes/softirq_threads.h"
#include "harness/probes/taskstats_client.h"

namespace crossover {

// One thread.
class ServerCpuClock {
 public:
  // `many`: the server serves in many processes, for which there is no quick reading.
  // `softirq`: what counts as the server's beside it; may have none.
  ServerCpuClock(pid_t pid, bool many, SoftirqThreads softirq)
      : pid_(pid), softirq_(std::move(softirq)), usable_(!many && client_.Open().empty()) {}
  // Nanoseconds of all its threads, those that have ended too; nullopt if the kernel refuses.
  std::optional<double> Read() {
    if (!usable_) return std::nullopt;
    std::string why;
    const auto stats = client_.Read(pid_, why);
    const auto softirq_ns = softirq_.CpuNs(why);
    return stats && softirq_ns ? std::optional(stats->cpu_ns + *softirq_ns) : std::nullopt;
  }

 private:
  const pid_t pid_;
  const SoftirqThreads softirq_;
  TaskstatsClient client_;
  const bool usable_;
};

}  // namespace crossover
