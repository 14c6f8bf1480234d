// What the threads of a run share: how far it is, and where its window lies.
#pragma once

#include <atomic>
#include <cstdint>
#include <limits>
#include <optional>

#include "base/fd.h"

namespace crossover {

enum class Phase : int {
  kConnect,  // establish every connection and serve it once, then hold
  kRun,      // send on every connection until the window ends, then drain
  kStop,     // end now; what is outstanding is in flight at the end
};

// Any thread. The window's edges are times, not moments at which threads are told: each thread
// holds its own done times against them, so that it is the same window for all.
struct RunState {
  static constexpr int64_t kNever = std::numeric_limits<int64_t>::max();

  explicit RunState(std::optional<uint64_t> requests_wanted);

  // Tells the coordinator that something of the below changed.
  void NotifyCoordinator();

  // Set by the coordinator before kRun; the end also by whoever verifies the last request wanted.
  std::atomic<Phase> phase{Phase::kConnect};
  std::atomic<uint32_t> progress_asked{0};  // how often the loops were asked for their progress
  std::atomic<int64_t> window_start_ns{kNever};
  std::atomic<int64_t> window_end_ns{kNever};
  // In slices: how many have begun, and when the sending of the last one ends; the end may come
  // nearer in its tail.
  std::atomic<uint32_t> slices_begun{0};
  std::atomic<int64_t> slice_end_ns{kNever};
  int64_t begin_ns = 0;  // of the warm-up; written, as the next, before phase becomes kRun
  int64_t interval_width_ns = 0;
  const std::optional<uint64_t> requests_wanted;

  alignas(64) std::atomic<uint64_t> verified_in_window{0};  // counted only for requests_wanted

  alignas(64) std::atomic<uint32_t> loops_connected{0};  // that have no connection to wait for
  std::atomic<uint32_t> loops_ended{0};
  std::atomic<uint64_t> established{0};  // as of each loop's loops_connected
  std::atomic<uint64_t> served{0};
  Fd coordinator_wake;  // an eventfd
};

}  // namespace crossover
