#include "harness/canary.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>
#include <functional>
#include <future>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/cpu_list.h"
#include "base/error.h"
#include "base/loopback_connection.h"
#include "harness/statistics/median.h"

namespace crossover {
namespace {

// Some 20 ms each on a CPU of the 2020s.
constexpr int kUserSteps = 16'000'000;
constexpr int kCalls = 100'000;
constexpr int kExchanges = 700;

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

// In the middle of three: what a process leaves behind for the kernel to tidy up when it ends may
// still run on this CPU.
std::optional<double> TimeLoopback() try {
  const LoopbackConnection connection;
  std::vector<double> loops_ns;
  for (int loop = 0; loop < 3; ++loop) {
    const int64_t start_ns = MonotonicNs();
    for (int i = 0; i < kExchanges; ++i) connection.Exchange();
    loops_ns.push_back(static_cast<double>(MonotonicNs() - start_ns));
  }
  return Median(loops_ns);
} catch (const std::system_error&) {
  return std::nullopt;  // ports or descriptors are used up
}

// Calls `loops` in a thread of `cpu`; throws what goes wrong there.
void RunPinned(int cpu, const std::function<void()>& loops) {
  std::packaged_task<void()> task([&] {
    if (const int error = SetAffinity(0, {cpu}); error != 0) {
      ThrowErrno("canary on CPU " + std::to_string(cpu), error);
    }
    loops();
  });
  std::future<void> done = task.get_future();
  std::thread(std::move(task)).join();
  done.get();
}

}  // namespace

CanaryReading MeasureCanary(int cpu) {
  CanaryReading reading;
  RunPinned(cpu, [&] {
    reading.user_ns = TimeUserWork();
    reading.syscall_ns = TimeSystemCalls();
    reading.loopback_ns = TimeLoopback();
  });
  return reading;
}

std::optional<double> MeasureLoopback(int cpu) {
  std::optional<double> ns;
  RunPinned(cpu, [&] { ns = TimeLoopback(); });
  return ns;
}

std::optional<double> MeanOf(std::optional<double> before, std::optional<double> after) {
  if (before && after) return (*before + *after) / 2;
  return before ? before : after;
}

}  // namespace crossover
