// Clocks, all in nanoseconds. Everything that is compared across processes is CLOCK_MONOTONIC.
#pragma once

#include <cstdint>
#include <ctime>

namespace crossover {

inline constexpr int64_t kNsPerUs = 1'000;
inline constexpr int64_t kNsPerMs = 1'000'000;
inline constexpr int64_t kNsPerSecond = 1'000'000'000;

inline int64_t ReadClockNs(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return int64_t{now.tv_sec} * kNsPerSecond + now.tv_nsec;
}

inline int64_t MonotonicNs() { return ReadClockNs(CLOCK_MONOTONIC); }
// As precise as the kernel's tick (1 to 10 ms), at about a quarter of the price.
inline int64_t MonotonicCoarseNs() { return ReadClockNs(CLOCK_MONOTONIC_COARSE); }
inline int64_t ThreadCpuNs() { return ReadClockNs(CLOCK_THREAD_CPUTIME_ID); }

}  // namespace crossover
