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
constexpr size_t kLeadIn = 64;
constexpr int kTries = 4;

// CPU time of all threads but the calling one.
int64_t OthersCpuNs() { return ReadClockNs(CLOCK_PROCESS_CPUTIME_ID) - ThreadCpuNs(); }

struct Sample {
  size_t wakes = 0;
  int64_t switch_ns = 0;
  bool ran_dry = false;
};

// One in which the CPU was busy throughout, if there is one in some tries.
Sample TakeSample(ThreadCrowd& crowd, size_t in_flight) {
  Sample sample;
  for (int i = 0; i < kTries; ++i) {
    crowd.Fill(in_flight);
    // What the held ones computed is accounted once they have blocked.
    crowd.Wake(kLeadIn, in_flight);
    const int64_t begin_ns = OthersCpuNs();
    const ThreadCrowd::Woken woken = crowd.Wake(kWakes, in_flight);
    const int64_t total_ns = OthersCpuNs() - begin_ns;
    const double reads_ns = static_cast<double>(woken.threads) * crowd.eventfd_read_ns();
    const int64_t rest_ns = total_ns - woken.work_ns - static_cast<int64_t>(reads_ns);
    sample = {woken.threads, std::max<int64_t>(0, rest_ns), woken.ran_dry};
    if (!woken.ran_dry) break;
  }
  return sample;
}

void TimeSwitches(benchmark::State& state, const Placement& placement, size_t threads,
                  size_t in_flight_max) {
  auto& crowd = TheStage().Get<ThreadCrowd>(threads, placement);
  RunOn(placement.client_cpu);
  const size_t in_flight = std::min(threads, in_flight_max);
  size_t items = 0;
  int64_t dry = 0;
  for (auto _ : state) {
    const Sample sample = TakeSample(crowd, in_flight);
    state.SetIterationTime(Seconds(sample.switch_ns));
    items += sample.wakes;
    dry += sample.ran_dry ? 1 : 0;
  }
  state.counters[kRanDry] = static_cast<double>(dry) / static_cast<double>(state.iterations());
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
