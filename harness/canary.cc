#include "harness/canary.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>
#include <thread>

#include "base/clock.h"
#include "base/cpu_list.h"
#include "base/error.h"

namespace crossover {
namespace {

// Some 20 ms each on a CPU of the 2020s.
constexpr int kUserSteps = 16'000'000;
constexpr int kCalls = 100'000;

double TimeUserWork() {
  const int64_t start_ns = MonotonicNs();
  uint64_t state = 88'172'645'463'325'252;
  for (int i = 0; i < kUserSteps; ++i) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
  }
  // The result is used, so that the loop is not optimised away.
  volatile uint64_t result = state;
  static_cast<void>(result);
  return static_cast<double>(MonotonicNs() - start_ns);
}

double TimeSystemCalls() {
  const int64_t start_ns = MonotonicNs();
  for (int i = 0; i < kCalls; ++i) ::syscall(SYS_getppid);
  return static_cast<double>(MonotonicNs() - start_ns);
}

}  // namespace

CanaryReading MeasureCanary(int cpu) {
  CanaryReading reading;
  int error_number = 0;
  std::thread([&] {
    error_number = SetAffinity(0, {cpu});
    reading.user_ns = TimeUserWork();
    reading.syscall_ns = TimeSystemCalls();
  }).join();
  if (error_number != 0) ThrowErrno("canary on CPU " + std::to_string(cpu), error_number);
  return reading;
}

}  // namespace crossover
