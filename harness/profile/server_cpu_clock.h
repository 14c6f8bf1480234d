// ServerCpuClock: the CPU time that a server has taken so far, quickly.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "harness/probes/taskstats_client.h"

namespace crossover {

// One thread.
class ServerCpuClock {
 public:
  // `many`: the server serves in many processes, for which there is no quick reading.
  ServerCpuClock(pid_t pid, bool many) : pid_(pid), usable_(!many && client_.Open().empty()) {}
  // Nanoseconds of all its threads, those that have ended too; nullopt if the kernel refuses.
  std::optional<double> Read() {
    if (!usable_) return std::nullopt;
    std::string why;
    const auto stats = client_.Read(pid_, why);
    return stats ? std::optional(stats->cpu_ns) : std::nullopt;
  }

 private:
  const pid_t pid_;
  TaskstatsClient client_;
  const bool usable_;
};

}  // namespace crossover
