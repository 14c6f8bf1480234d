// SoftirqThreads: the kernel's threads that finish what soft interrupts left over (ksoftirqd), one
// for each CPU. Over loopback that is to deliver what the server sent, when it sent more at once
// than the kernel delivers on the spot: up to 9 % of io-uring-per-core's CPU. What is delivered on
// the spot is charged to the server, this is not; where the server has its CPUs to itself, it is
// the server's, too. Kernels with CONFIG_IRQ_TIME_ACCOUNTING charge the former to nobody either:
// there it would be unfair to count the latter.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

namespace crossover {

// One thread.
class SoftirqThreads {
 public:
  // Finds those of `cpus`. Empty, or the reason why not (in a container they can't be seen;
  // see above).
  std::string Open(const std::vector<int>& cpus);
  // What they have taken so far, together. nullopt, with the reason in `why`, if it can't be read.
  std::optional<double> CpuNs(std::string& why) const;
  // Empty if they were not found.
  const std::vector<pid_t>& pids() const { return pids_; }

 private:
  std::vector<pid_t> pids_;
};

}  // namespace crossover
