// Costs: the steps that a server's request is made of, each with how its CPU time is measured. One
// file for each kind of step; each offers them as a list.
#pragma once

#include <benchmark/benchmark.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"

namespace crossover {

// Where the measured threads run, and where the peer does that they serve.
struct Placement {
  int server_cpu = 0;
  int client_cpu = 0;
};

// A counter of benchmark::State, for costs that want the server's CPU always busy: in which share
// of its samples it was not.
inline constexpr const char* kRanDry = "ran_dry";

struct Cost {
  std::string_view name;
  std::string_view words;  // what one of it is
  size_t connections = 0;  // or threads; 0: it has none
  size_t ready = 0;        // connections that one wait finds ready; 0: it is no wait
  // Google Benchmark's manual time is the CPU time of the server's side, and the items processed in
  // it are what has the cost. Throws std::exception if it can't be had here.
  std::function<void(benchmark::State&)> measure;
  // Of an iteration that waits for the peer for much longer than it takes, about, by the clock on
  // the wall: by it the time is shared out then. 0: by the CPU time.
  double iteration_seconds = 0;
};

// What needs no connections, and what does, for `n` of them, or threads (servers/costs/*_costs.cc).
std::vector<Cost> ProcessorCosts(const Placement& placement);
std::vector<Cost> WakeCosts(const Placement& placement);
std::vector<Cost> PreemptionCosts(const Placement& placement);
std::vector<Cost> HandOffCosts(const Placement& placement);
std::vector<Cost> SessionCosts(const Placement& placement, size_t n);
std::vector<Cost> SocketCosts(const Placement& placement, size_t n);
std::vector<Cost> AsioCosts(const Placement& placement);
std::vector<Cost> AsioSocketCosts(const Placement& placement, size_t n);
std::vector<Cost> UringCosts(const Placement& placement);
std::vector<Cost> UringSocketCosts(const Placement& placement, size_t n);
std::vector<Cost> ThreadCosts(const Placement& placement, size_t n);

// Confines the calling thread, and those that it starts later, to a CPU. Throws std::system_error.
void RunOn(int cpu);

// 0 to n - 1: connections are made and served in that order, as in a closed loop, where each is
// answered in its turn and then asks again.
std::vector<uint32_t> TurnOrder(size_t n);

// Goes on in `order` from one batch to the next, and begins anew at its end. Refers to it.
class Turns {
 public:
  explicit Turns(const std::vector<uint32_t>& order) : order_(order) {}
  uint32_t Next() {
    if (at_ == order_.size()) at_ = 0;
    return order_[at_++];
  }

 private:
  const std::vector<uint32_t>& order_;
  size_t at_ = 0;
};

// CPU time of the calling thread since it was made, less what asking takes. In nanoseconds, never
// less than 0.
class Stopwatch {
 public:
  Stopwatch() : begin_ns_(ThreadCpuNs()) {}
  int64_t ElapsedNs() const;

 private:
  int64_t begin_ns_;
};

inline double Seconds(int64_t ns) { return static_cast<double>(ns) * 1e-9; }

// Measures calls of `batch`, on the server's CPU, by the thread's CPU time. It returns how many
// items were in it: enough of them that reading the clock takes nothing beside them.
template <typename Batch>
void TimeBatches(benchmark::State& state, const Placement& placement, const Batch& batch) {
  RunOn(placement.server_cpu);
  size_t items = 0;
  for (auto _ : state) {
    const Stopwatch stopwatch;
    items += batch();
    state.SetIterationTime(Seconds(stopwatch.ElapsedNs()));
  }
  state.SetItemsProcessed(static_cast<int64_t>(items));
}

// The same, of `once`, so often.
template <typename Once>
void TimeRepeated(benchmark::State& state, const Placement& placement, size_t times,
                  const Once& once) {
  TimeBatches(state, placement, [&] {
    for (size_t i = 0; i < times; ++i) once();
    return times;
  });
}

}  // namespace crossover
