// What it costs threads of one CPU to wake each other, and to be made.
#include <fcntl.h>
#include <linux/futex.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <climits>
#include <ctime>
#include <deque>

#include "base/clock.h"
#include "base/error.h"
#include "base/fd.h"
#include "servers/architecture.h"
#include "servers/costs/cost.h"
#include "servers/costs/stage.h"
#include "servers/thread_set.h"

namespace crossover {
namespace {

constexpr size_t kWakeTimes = 256;
constexpr size_t kRoundTrips = 128;
constexpr size_t kThreadsMade = 16;
constexpr size_t kWaiters = 64;

using Word = std::atomic<uint32_t>;
static_assert(sizeof(Word) == sizeof(uint32_t));

long FutexWait(Word& word, uint32_t while_it_is) {
  return syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, while_it_is, nullptr, nullptr, 0);
}
// How many threads were woken.
long FutexWake(Word& word, int threads) {
  return syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, threads, nullptr, nullptr, 0);
}

// Ways to pass the turn to the other of two sides, 0 and 1.
class FutexTurn {
 public:
  void Give(uint32_t side) {
    turn_.store(side);
    FutexWake(turn_, 1);
  }
  void Await(uint32_t side) {
    while (turn_.load() != side) FutexWait(turn_, 1 - side);
  }

 private:
  Word turn_{0};
};

class PipeTurn {
 public:
  PipeTurn() {
    for (auto& ends : pipes_) {
      std::array<int, 2> fds{};
      if (pipe2(fds.data(), O_CLOEXEC) != 0) ThrowErrno("pipe2");
      ends = {Fd(fds[0]), Fd(fds[1])};
    }
  }
  void Give(uint32_t side) {
    if (write(pipes_[side][1].get(), "", 1) != 1) ThrowErrno("write to a pipe");
  }
  void Await(uint32_t side) {
    char byte = 0;
    if (read(pipes_[side][0].get(), &byte, 1) != 1) ThrowErrno("read of a pipe");
  }

 private:
  std::array<std::array<Fd, 2>, 2> pipes_;  // of each side: where it reads, where the other writes
};

class EventfdTurn {
 public:
  EventfdTurn() {
    for (Fd& fd : eventfds_) {
      fd.Reset(eventfd(0, EFD_CLOEXEC));
      if (!fd) ThrowErrno("eventfd");
    }
  }
  void Give(uint32_t side) {
    if (eventfd_write(eventfds_[side].get(), 1) != 0) ThrowErrno("write of an eventfd");
  }
  void Await(uint32_t side) {
    eventfd_t value = 0;
    if (eventfd_read(eventfds_[side].get(), &value) != 0) ThrowErrno("read of an eventfd");
  }

 private:
  std::array<Fd, 2> eventfds_;
};

// Starts a thread, or throws.
void Start(ThreadSet& threads, std::function<void()> body) {
  if (!threads.Start(std::move(body))) throw UsageError("the system gives no thread");
}

// Measures calls of `batch` by the CPU time of all threads: the process has none that do anything
// else.
template <typename Batch>
void TimeProcess(benchmark::State& state, size_t items, const Batch& batch) {
  for (auto _ : state) {
    const int64_t begin_ns = ReadClockNs(CLOCK_PROCESS_CPUTIME_ID);
    batch();
    state.SetIterationTime(Seconds(ReadClockNs(CLOCK_PROCESS_CPUTIME_ID) - begin_ns));
  }
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(items));
}

template <typename Turn>
void TimePingPong(benchmark::State& state) {
  Turn turn;
  std::atomic<bool> stopping{false};
  ThreadSet threads(ArchitectureOptions{}.stack_bytes);
  Start(threads, [&] {
    while (true) {
      turn.Await(1);
      if (stopping.load()) return;
      turn.Give(0);
    }
  });
  TimeProcess(state, 2 * kRoundTrips, [&] {
    for (size_t i = 0; i < kRoundTrips; ++i) {
      turn.Give(1);
      turn.Await(0);
    }
  });
  stopping.store(true);
  turn.Give(1);
  threads.Join();
}

// Threads that wait, each for a word of its own to change.
class Waiters {
 public:
  Waiters() : threads_(ArchitectureOptions{}.stack_bytes) {
    for (Word& word : words_) Start(threads_, [this, &word] { Live(word); });
  }
  ~Waiters() {
    stopping_.store(true);
    WakeAll();
    threads_.Join();
  }
  Waiters(const Waiters&) = delete;
  Waiters& operator=(const Waiters&) = delete;

  // CPU time of waking all of them, or -1 if one didn't sleep. Returns when all have run.
  int64_t TimeWakes() {
    awake_.store(kWaiters);
    const Stopwatch stopwatch;
    const bool slept = WakeAll();
    const int64_t ns = stopwatch.ElapsedNs();
    while (const uint32_t awake = awake_.load()) FutexWait(awake_, awake);
    sched_yield();  // lets the last of them go to sleep
    return slept ? ns : -1;
  }

 private:
  bool WakeAll() {
    long woken = 0;
    for (Word& word : words_) {
      word.fetch_add(1, std::memory_order_relaxed);
      woken += FutexWake(word, 1);
    }
    return woken == kWaiters;
  }

  void Live(Word& word) {
    // One of these doesn't preempt who wakes it, whose call would else take in the switch.
    const sched_param parameters{};
    sched_setscheduler(0, SCHED_BATCH, &parameters);
    for (uint32_t seen = 0;; ++seen) {
      while (word.load() == seen) FutexWait(word, seen);
      if (stopping_.load()) return;
      if (awake_.fetch_sub(1) == 1) FutexWake(awake_, 1);
    }
  }

  std::array<Word, kWaiters> words_{};
  Word awake_{0};
  std::atomic<bool> stopping_{false};
  ThreadSet threads_;
};

void TimeFutexWake(benchmark::State& state) {
  Waiters waiters;
  for (auto _ : state) {
    int64_t ns = waiters.TimeWakes();
    while (ns < 0) ns = waiters.TimeWakes();
    state.SetIterationTime(Seconds(ns));
  }
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(kWaiters));
}

void TimeThreadCreateJoin(benchmark::State& state) {
  ThreadSet threads(ArchitectureOptions{}.stack_bytes);
  TimeProcess(state, kThreadsMade, [&] {
    for (size_t i = 0; i < kThreadsMade; ++i) {
      Start(threads, [] {});
      threads.Join();
    }
  });
}

}  // namespace

std::vector<Cost> WakeCosts(const Placement& placement) {
  std::vector<Cost> costs;
  const auto add = [&](std::string_view name, std::string_view words,
                       void (*measure)(benchmark::State&)) {
    costs.push_back({name, words, 0, 0, [=](benchmark::State& state) {
                       TheStage().Clear();  // and its threads
                       RunOn(placement.server_cpu);
                       measure(state);
                     }});
  };
  const auto add_call = [&](std::string_view name, std::string_view words, long (*call)(Word&)) {
    costs.push_back({name, words, 0, 0, [=](benchmark::State& state) {
                       Word word{0};
                       TimeRepeated(state, placement, kWakeTimes,
                                    [&] { benchmark::DoNotOptimize(call(word)); });
                     }});
  };
  add("pingpong_futex", "to the other thread of this CPU: FUTEX_WAKE, FUTEX_WAIT and the switch",
      &TimePingPong<FutexTurn>);
  add("pingpong_pipe", "the same by write() and read() of pipes", &TimePingPong<PipeTurn>);
  add("pingpong_eventfd", "the same by write() and read() of eventfds", &TimePingPong<EventfdTurn>);
  add("futex_wake", "FUTEX_WAKE of a thread of this CPU, without the switch", &TimeFutexWake);
  add_call("futex_wake_none", "FUTEX_WAKE that finds nobody",
           [](Word& word) { return FutexWake(word, 1); });
  add_call("futex_wait_changed", "FUTEX_WAIT for what has changed already",
           [](Word& word) { return FutexWait(word, 1); });
  add("thread_create_join", "makes a thread that ends at once, and joins it",
      &TimeThreadCreateJoin);
  return costs;
}

}  // namespace crossover
