// What it costs to block, to be woken from another CPU and to run again, with so many threads.
#include <algorithm>
#include <ctime>

#include "base/clock.h"
#include "servers/costs/cost.h"
#include "servers/costs/stage.h"
#include "servers/costs/thread_crowd.h"

namespace crossover {
namespace {

// Threads awake at a time, at most, but for those of a closed loop, which all are.
constexpr size_t kInFlight = 200;
// In an iteration: reading the clock looks at each thread.
constexpr size_t kWakes = 2048;

// CPU time of all threads but the calling one.
int64_t OthersCpuNs() { return ReadClockNs(CLOCK_PROCESS_CPUTIME_ID) - ThreadCpuNs(); }

void TimeSwitches(benchmark::State& state, const Placement& placement, size_t threads,
                  size_t in_flight_max) {
  auto& crowd = TheStage().Get<ThreadCrowd>(threads, placement);
  RunOn(placement.client_cpu);
  const size_t in_flight = std::min(threads, in_flight_max);
  size_t items = 0;
  crowd.KeepAwake(in_flight);
  for (auto _ : state) {
    const int64_t begin_ns = OthersCpuNs();
    const ThreadCrowd::Woken woken = crowd.Wake(kWakes, in_flight);
    const int64_t total_ns = OthersCpuNs() - begin_ns;
    const double reads_ns = static_cast<double>(woken.threads) * crowd.eventfd_read_ns();
    const int64_t rest_ns = total_ns - woken.work_ns - static_cast<int64_t>(reads_ns);
    state.SetIterationTime(Seconds(std::max<int64_t>(0, rest_ns)));
    items += woken.threads;
  }
  state.SetItemsProcessed(static_cast<int64_t>(items));
}

void TimeEventfdReads(benchmark::State& state, const Placement& placement, size_t n) {
  const auto& eventfds = TheStage().Get<EventfdSet>(n);
  RunOn(placement.server_cpu);
  for (auto _ : state) state.SetIterationTime(Seconds(eventfds.TimeReads()));
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(n));
}

}  // namespace

std::vector<Cost> ThreadCosts(const Placement& placement, size_t n) {
  return {{"eventfd_read", "read() of an eventfd that doesn't block", n, 0,
           [=](benchmark::State& state) { TimeEventfdReads(state, placement, n); }},
          {"switch", "a thread blocks, is woken from another CPU and runs again, up to 200 at once",
           n, 0, [=](benchmark::State& state) { TimeSwitches(state, placement, n, kInFlight); }},
          {"switch_closed", "the same, all threads being woken at once", n, 0,
           [=](benchmark::State& state) { TimeSwitches(state, placement, n, n); }}};
}

}  // namespace crossover
