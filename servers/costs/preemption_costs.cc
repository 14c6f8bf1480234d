// What it costs a busy CPU that another one wakes a thread of its own: the interrupt, the switch to
// that thread at once and, when it blocks again, the switch back.
#include <pthread.h>
#include <sys/resource.h>

#include <algorithm>
#include <atomic>

#include "base/clock.h"
#include "base/error.h"
#include "servers/architecture.h"
#include "servers/costs/cost.h"
#include "servers/costs/stage.h"
#include "servers/costs/thread_crowd.h"
#include "servers/thread_set.h"

namespace crossover {
namespace {

constexpr size_t kWakes = 64;  // in an iteration
// From one wake to the next, so that the one who was preempted computes in between.
constexpr int64_t kPauseNs = 10 * kNsPerUs;
constexpr size_t kReads = 256;

// About a microsecond.
void Compute() {
  uint64_t bits = 1;
  for (int i = 0; i < 800; ++i) bits = (bits ^ (bits >> 30)) * 0xbf58476d1ce4e5b9;
  benchmark::DoNotOptimize(bits);
}

// The thread that made it is the one that is preempted.
class Preemptions {
 public:
  explicit Preemptions(const Placement& placement) : threads_(ArchitectureOptions{}.stack_bytes) {
    RunOn(placement.server_cpu);
    read_ns_ = TimeReadNs();
    const bool started = threads_.Start([this] { Preempt(); }) &&
                         threads_.Start([this, cpu = placement.client_cpu] { Wake(cpu); });
    if (started) return;
    Stop();
    throw UsageError("the system gives no thread");
  }
  ~Preemptions() { Stop(); }
  Preemptions(const Preemptions&) = delete;
  Preemptions& operator=(const Preemptions&) = delete;

  // What computing takes longer for so many wakes, in nanoseconds of both threads' CPU time. Throws
  // UsageError if they do not preempt.
  double TimeWakes() {
    const size_t target = wanted_.load() + kWakes;
    size_t computed = 0;
    const int64_t preempted_before = TimesPreempted();
    const int64_t begin_ns = BothCpuNs();
    for (wanted_.store(target); runs_.load() < target; ++computed) Compute();
    const int64_t middle_ns = BothCpuNs();
    if (TimesPreempted() - preempted_before < static_cast<int64_t>(kWakes / 2)) {
      throw UsageError("the kernel lets who runs run on, and does not let who is woken preempt");
    }
    for (size_t i = 0; i < computed && runs_.load() == target; ++i) Compute();
    const int64_t alone_ns = BothCpuNs() - middle_ns;
    return static_cast<double>(middle_ns - begin_ns - alone_ns) - kWakes * read_ns_;
  }

 private:
  void Stop() {
    stopping_.store(true);
    eventfd_.Write(0);
    threads_.Join();
  }

  // Of an eventfd, without blocking.
  static double TimeReadNs() {
    const EventfdSet eventfds(kReads);
    for (size_t i = 0; i < kReads; ++i) eventfds.Write(i);
    const Stopwatch stopwatch;
    for (size_t i = 0; i < kReads; ++i) eventfds.Read(i);
    return static_cast<double>(stopwatch.ElapsedNs()) / kReads;
  }

  static int64_t TimesPreempted() {
    rusage usage{};
    getrusage(RUSAGE_THREAD, &usage);
    return usage.ru_nivcsw;
  }

  int64_t BothCpuNs() {
    while (!preempting_.load()) Compute();
    return ThreadCpuNs() + ReadClockNs(preempting_clock_);
  }

  void Preempt() {
    pthread_getcpuclockid(pthread_self(), &preempting_clock_);
    preempting_.store(true);
    while (true) {
      eventfd_.Read(0);
      if (stopping_.load()) return;
      runs_.fetch_add(1);
    }
  }

  void Wake(int cpu) {
    RunOn(cpu);
    size_t woken = 0;
    while (!stopping_.load()) {
      if (woken == wanted_.load()) continue;
      const int64_t next_ns = MonotonicNs() + kPauseNs;
      while (MonotonicNs() < next_ns) {
      }
      eventfd_.Write(0);
      ++woken;
      while (runs_.load() < woken && !stopping_.load()) {
      }
    }
  }

  const EventfdSet eventfd_{1};
  double read_ns_ = 0;
  std::atomic<bool> stopping_{false};
  std::atomic<bool> preempting_{false};  // its clock is known
  clockid_t preempting_clock_{};
  alignas(64) std::atomic<size_t> wanted_{0};
  alignas(64) std::atomic<size_t> runs_{0};
  ThreadSet threads_;
};

void TimePreemptions(benchmark::State& state, const Placement& placement) {
  TheStage().Clear();  // and its threads
  Preemptions preemptions(placement);
  for (auto _ : state) state.SetIterationTime(std::max(0.0, preemptions.TimeWakes() * 1e-9));
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(kWakes));
}

}  // namespace

std::vector<Cost> PreemptionCosts(const Placement& placement) {
  return {{"preemption", "a thread is woken from another CPU, preempts who runs, and blocks again",
           0, 0, [=](benchmark::State& state) { TimePreemptions(state, placement); }}};
}

}  // namespace crossover
