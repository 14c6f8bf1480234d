#include "harness/profile/server_trace.h"

#include <algorithm>
#include <cmath>
#include <optional>

namespace crossover {
namespace {

struct ThreadState {
  std::optional<int64_t> woken_ns;
  int woken_from_cpu = 0;
  std::optional<int64_t> left_ns;
  uint32_t left_at = 0;
};

class EventReader {
 public:
  explicit EventReader(TraceSums& sums) : sums_(sums) {}

  void Add(const TraceEvent& event) {
    switch (event.kind) {
      case TraceEvent::Kind::kWaking:
        if (!event.of_server) return;
        threads_[event.thread].woken_ns = event.time_ns;
        threads_[event.thread].woken_from_cpu = event.cpu;
        return;
      case TraceEvent::Kind::kSwitch:
        if (event.of_server) Leave(event);
        if (event.next_of_server) Come(event);
        return;
      case TraceEvent::Kind::kSystemCall:
        if (event.of_server) ++sums_.system_calls[event.number];
        return;
      case TraceEvent::Kind::kSystemCallEnd:
        if (event.of_server && event.result >= 0) ++sums_.waits_by_events[event.result];
        return;
    }
  }

  void End() {
    for (const auto& [thread, state] : threads_) sums_.still_waiting += state.woken_ns ? 1 : 0;
  }

 private:
  void Leave(const TraceEvent& event) {
    ++sums_.switches;
    if (event.preempted) ++sums_.preemptions;
    ThreadState& state = threads_[event.thread];
    state.left_ns = event.time_ns;
    state.left_at = event.preempted ? kPreempted : event.stack;
    if (event.preempted) {
      state.woken_ns.reset();
    } else if (state.woken_ns) {
      // One that is woken while it is still about to leave doesn't wait for a CPU until it has.
      state.woken_ns = event.time_ns;
    }
  }

  void Come(const TraceEvent& event) {
    ThreadState& state = threads_[event.next];
    if (state.woken_ns) {
      ++sums_.wakings;
      if (state.woken_from_cpu != event.cpu) ++sums_.wakings_across_cpus;
      sums_.run_queue_ns.push_back(event.time_ns - *state.woken_ns);
      state.woken_ns.reset();
    }
    if (state.left_ns) {
      sums_.off_cpu_ns[state.left_at] += event.time_ns - *state.left_ns;
      ++sums_.off_cpu_count[state.left_at];
      state.left_ns.reset();
    }
  }

  TraceSums& sums_;
  std::unordered_map<pid_t, ThreadState> threads_;
};

}  // namespace

void AddEvents(const std::vector<TraceEvent>& events, TraceSums& sums) {
  EventReader reader(sums);
  for (const TraceEvent& event : events) reader.Add(event);
  reader.End();
}

std::optional<int64_t> QuantileNs(std::vector<int64_t>& values, uint64_t longer, double q) {
  std::ranges::sort(values);
  const double all = static_cast<double>(values.size()) + static_cast<double>(longer);
  const auto rank = std::max<size_t>(1, static_cast<size_t>(std::ceil(q * all)));
  if (rank > values.size()) return std::nullopt;
  return values[rank - 1];
}

}  // namespace crossover
