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
  bool has_run = false;
};

class EventReader {
 public:
  EventReader(const TraceStretch& stretch, TraceSums& sums)
      : stretch_(stretch),
        middle_ns_(stretch.begin_ns + (stretch.end_ns - stretch.begin_ns) / 2),
        sums_(sums) {}

  void Add(const TraceEvent& event) {
    switch (event.kind) {
      case TraceEvent::Kind::kWaking:
        if (event.of_server) Wake(event);
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
    for (const auto& [thread, state] : threads_) {
      if (state.woken_ns && *state.woken_ns < middle_ns_) ++sums_.still_waiting;
      if (state.left_ns) sums_.off_cpu_cut_ns += stretch_.end_ns - *state.left_ns;
      if (!state.has_run) sums_.off_cpu_cut_ns += stretch_.end_ns - stretch_.begin_ns;
    }
  }

 private:
  void Wake(const TraceEvent& event) {
    ThreadState& state = threads_[event.thread];
    if (!state.woken_ns) ++sums_.wakings;
    state.woken_ns = event.time_ns;
    state.woken_from_cpu = event.cpu;
  }

  void Leave(const TraceEvent& event) {
    ++sums_.switches;
    if (event.preempted) ++sums_.preemptions;
    ThreadState& state = threads_[event.thread];
    state.has_run = true;
    state.left_ns = event.time_ns;
    state.left_at = event.preempted ? kPreempted : event.stack;
    if (event.preempted) {
      if (state.woken_ns) --sums_.wakings;  // it only kept the thread from blocking
      state.woken_ns.reset();
    } else if (state.woken_ns) {
      // One that is woken while it is still about to leave doesn't wait for a CPU until it has.
      state.woken_ns = event.time_ns;
    }
  }

  void Come(const TraceEvent& event) {
    ThreadState& state = threads_[event.next];
    if (state.woken_ns) {
      if (state.woken_from_cpu != event.cpu) ++sums_.wakings_across_cpus;
      if (*state.woken_ns < middle_ns_) {
        sums_.run_queue_ns.push_back(event.time_ns - *state.woken_ns);
      }
      state.woken_ns.reset();
    }
    if (state.left_ns) {
      sums_.off_cpu_ns[state.left_at] += event.time_ns - *state.left_ns;
      ++sums_.off_cpu_count[state.left_at];
      state.left_ns.reset();
    } else if (!state.has_run) {
      sums_.off_cpu_cut_ns += event.time_ns - stretch_.begin_ns;
    }
    state.has_run = true;
  }

  const TraceStretch stretch_;
  const int64_t middle_ns_;
  TraceSums& sums_;
  std::unordered_map<pid_t, ThreadState> threads_;
};

}  // namespace

void AddEvents(const std::vector<TraceEvent>& events, const TraceStretch& stretch,
               TraceSums& sums) {
  EventReader reader(stretch, sums);
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
