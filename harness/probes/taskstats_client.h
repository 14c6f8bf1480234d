// TaskstatsClient: the kernel's accounting of a whole thread group, over generic netlink.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "base/fd.h"

namespace crossover {

// Sums over all threads of the group. Verified on Linux 6.18 against getrusage: with TGID the
// kernel adds the threads that have exited to those that live, in every field below but the
// switches, which are of those that live.
struct GroupStats {
  double cpu_ns = 0;           // cpu_run_virtual_total: precise. cpu_run_real_total counts ticks.
  double wait_ns = 0;          // cpu_delay_total: runnable, and no CPU
  double dispatches = 0;       // cpu_count
  double user_ticks_us = 0;    // ac_utime, by ticks: only for the proportion user to kernel
  double kernel_ticks_us = 0;  // ac_stime, likewise
  double voluntary_switches = 0;    // nvcsw
  double involuntary_switches = 0;  // nivcsw
};

// One thread.
class TaskstatsClient {
 public:
  // Finds the kernel's taskstats family. Empty, or the reason why there is none.
  std::string Open();
  // The sums of the thread group `tgid`, or nullopt with the reason in `why` (the kernel asks for
  // CAP_NET_ADMIN).
  std::optional<GroupStats> Read(pid_t tgid, std::string& why);

 private:
  std::optional<std::span<const std::byte>> Ask(uint16_t type, uint8_t command, uint16_t attribute,
                                                std::span<const std::byte> value, std::string& why);
  Fd socket_;
  uint16_t family_ = 0;
  std::byte reply_[16 * 1024];
};

// The payload of the first attribute of `type` among `attributes`, or nullopt if there is none or
// the lengths make no sense.
std::optional<std::span<const std::byte>> FindNetlinkAttribute(
    std::span<const std::byte> attributes, uint16_t type);

// `payload` as the kernel filled it: struct taskstats grows at its end from version to version, so
// that it may be longer or shorter than the header's. nullopt if a field that is needed is missing.
std::optional<GroupStats> ParseTaskstats(std::span<const std::byte> payload);

}  // namespace crossover
