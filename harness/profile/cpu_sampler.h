// CpuSampler: what the server's CPUs are busy with, sampled with call chains.
//
// It samples CPUs and keeps what belongs to the server's processes, instead of opening a descriptor
// for each thread: so it works at 16,000 threads. The clock is the CPU's timer (cpu-clock), which
// virtual machines have too. Where the kernel runs with interrupts off a sample waits until they
// are on again, so that a leaf may be a few instructions late; which system call, and whether the
// scheduler is in the chain, is right.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "harness/profile/perf_event.h"

namespace crossover {

// A call chain of addresses, leaf first: those of the kernel, then those of the process.
struct AddressStack {
  std::vector<uint64_t> kernel;
  std::vector<uint64_t> user;
  // NOLINTNEXTLINE(modernize-use-nullptr): clang-tidy 14 sees a pointer in its 0.
  auto operator<=>(const AddressStack&) const = default;
};

struct StackSamples {
  std::map<AddressStack, uint64_t> stacks;  // of the server, with how often each was seen
  uint64_t samples = 0;                     // of the server
  uint64_t others = 0;                      // of other processes on the same CPUs
  uint64_t lost = 0;                        // that did not fit into the ring
  int64_t period_ns = 0;                    // of CPU time, that each stands for
};

// One thread.
class CpuSampler {
 public:
  // Opens it on `cpus`, `per_second` samples a second on each, with room for `seconds` of them.
  // nullopt, with the reason in `why`, if the kernel refuses.
  static std::optional<CpuSampler> Open(const std::vector<int>& cpus, int64_t per_second,
                                        double seconds, std::string& why);
  void Enable();
  void Disable();
  // What was sampled since it was opened, or since the last time. `server`: its processes, sorted.
  StackSamples Take(const std::vector<pid_t>& server);

 private:
  explicit CpuSampler(int64_t period_ns) : period_ns_(period_ns) {}
  int64_t period_ns_;
  std::vector<PerfEvent> events_;  // one for each CPU
};

}  // namespace crossover
