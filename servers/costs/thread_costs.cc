// What it costs to block, to be woken from another CPU and to run again, with so many threads.
#include <algorithm>
#include <ctime>

#include "base/clock.h"
#include "servers/costs/cost.h"
#include "servers/costs/stage.h"
#include "servers/costs/thread_crowd.h"

namespace crossover {
namespace {

// In an iteration: reading the clock looks at each thread, for as long as hundreds of wakes take.
constexpr size_t kWakes = 8192;
constexpr int kTries = 4;

// CPU time of all threads but the calling one.
int64_t OthersCpuNs() { return ReadClockNs(CLOCK_PROCESS_CPUTIME_ID) - ThreadCpuNs(); }

struct Sample {
  size_t wakes = 0;
  double switch_ns = 0;
  bool ran_dry = false;
};

// Wakes all, and lets as many run: for a first pass in the order in which they were woken a switch
// takes two thirds of what it takes from then on.
void SetGoing(ThreadCrowd& crowd) {
  crowd.Fill();
  crowd.Wake(crowd.size());
  OthersCpuNs();
}

// One in which the CPU was busy throughout, if there is one in some tries.
Sample TakeSample(ThreadCrowd& crowd, double alone_ns) {
  Sample sample;
  for (int i = 0; i < kTries; ++i) {
    if (i > 0) SetGoing(crowd);
    const int64_t begin_ns = OthersCpuNs();
    const ThreadCrowd::Woken woken = crowd.Wake(kWakes);
    const auto total_ns = static_cast<double>(OthersCpuNs() - begin_ns);
    const double work_ns = static_cast<double>(woken.threads) * alone_ns;
    sample = {woken.threads, std::max(0.0, total_ns - work_ns), woken.ran_dry};
    if (!woken.ran_dry) break;
  }
  return sample;
}

void TimeSwitches(benchmark::State& state, const Placement& placement, size_t threads) {
  auto& crowd = TheStage().Get<ThreadCrowd>(threads, placement);
  const double alone_ns = crowd.TimeWorkAlone();  // just before: the machine's speed changes
  RunOn(placement.client_cpu);
  SetGoing(crowd);
  size_t items = 0;
  int64_t dry = 0;
  for (auto _ : state) {
    const Sample sample = TakeSample(crowd, alone_ns);
    state.SetIterationTime(sample.switch_ns * 1e-9);
    items += sample.wakes;
    dry += sample.ran_dry ? 1 : 0;
  }
  state.counters[kRanDry] = static_cast<double>(dry) / static_cast<double>(state.iterations());
  state.SetItemsProcessed(static_cast<int64_t>(items));
}

}  // namespace

std::vector<Cost> ThreadCosts(const Placement& placement, size_t n) {
  return {{"switch_closed",
           "a thread blocks, is woken from another CPU and runs again, as all others do", n, 0,
           [=](benchmark::State& state) { TimeSwitches(state, placement, n); }}};
}

}  // namespace crossover
