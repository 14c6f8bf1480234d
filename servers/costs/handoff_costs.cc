// What it costs to hand over work without the kernel: through the pools' queues, and between
// stacks of one thread. Nobody waits, so that no lock is contended and no thread woken.
#include <sys/epoll.h>

#include <coroutine>
#include <exception>
#include <memory>
#include <mutex>

#include "base/error.h"
#include "servers/architecture.h"
#include "servers/connection.h"
#include "servers/costs/cost.h"
#include "servers/fiber_context.h"
#include "servers/idle_workers.h"
#include "servers/ready_queue.h"

namespace crossover {
namespace {

constexpr size_t kHandOffTimes = 1024;

// A connection to nowhere.
struct LoneConnection {
  SessionContext context;
  Counters counters;
  ConnectionTable table{TimeoutOptions{}, context, counters};
  std::unique_ptr<Connection> connection =
      std::make_unique<Connection>(Fd(), SocketMode::kNonBlocking, table);
};

void TimeHandOffStack(benchmark::State& state, const Placement& placement) {
  LoneConnection lone;
  std::mutex mutex;
  IdleWorkers idle;
  PoolWorker worker;
  TimeRepeated(state, placement, kHandOffTimes, [&] {
    {
      const std::lock_guard lock(mutex);
      idle.Push(worker);
    }
    const std::lock_guard lock(mutex);
    benchmark::DoNotOptimize(idle.Give(lone.connection));
    lone.connection = std::move(worker.connection);
  });
}

void TimeHandOffQueue(benchmark::State& state, const Placement& placement) {
  const LoneConnection lone;
  ReadyQueue queue;
  const epoll_event event{.events = EPOLLIN, .data = {.ptr = lone.connection.get()}};
  TimeRepeated(state, placement, kHandOffTimes, [&] {
    benchmark::DoNotOptimize(queue.Push({&event, 1}));
    benchmark::DoNotOptimize(queue.Next());
  });
}

struct Suspended {
  struct promise_type {
    Suspended get_return_object() {
      return {std::coroutine_handle<promise_type>::from_promise(*this)};
    }
    std::suspend_always initial_suspend() const noexcept { return {}; }
    std::suspend_always final_suspend() const noexcept { return {}; }
    void return_void() const noexcept {}
    [[noreturn]] void unhandled_exception() const noexcept { std::terminate(); }
  };
  std::coroutine_handle<promise_type> handle;
};

Suspended SuspendUntil(const bool& stopping) {
  while (!stopping) co_await std::suspend_always{};
}

void TimeCoroutineSwitch(benchmark::State& state, const Placement& placement) {
  bool stopping = false;
  std::coroutine_handle<> handle = SuspendUntil(stopping).handle;
  TimeRepeated(state, placement, kHandOffTimes, [&] {
    benchmark::DoNotOptimize(handle);
    handle.resume();
  });
  stopping = true;
  handle.destroy();
}

void TimeFiberSwitch(benchmark::State& state, const Placement& placement) {
  auto stack = FiberStack::Map(ArchitectureOptions{}.stack_bytes);
  if (!stack) throw UsageError("the system gives no memory for a stack");
  FiberContext fiber(std::move(*stack));
  bool stopping = false;
  fiber.Start([&] {
    while (!stopping) fiber.Suspend();
  });
  TimeBatches(state, placement, [&] {
    for (size_t i = 0; i < kHandOffTimes; ++i) fiber.Resume();
    return 2 * kHandOffTimes;
  });
  stopping = true;
  fiber.Resume();
}

}  // namespace

std::vector<Cost> HandOffCosts(const Placement& placement) {
  std::vector<Cost> costs;
  const auto add = [&](std::string_view name, std::string_view words,
                       void (*measure)(benchmark::State&, const Placement&)) {
    costs.push_back(
        {name, words, 0, 0, [=](benchmark::State& state) { measure(state, placement); }});
  };
  add("handoff_stack", "worker-pool's stack of idle workers: pushed, and given a connection",
      &TimeHandOffStack);
  add("handoff_queue", "dispatch-pool's queue: a ready connection is pushed, and taken",
      &TimeHandOffQueue);
  add("coroutine_switch", "a coroutine is resumed, and suspends itself", &TimeCoroutineSwitch);
  add("fiber_switch", "to a fibre, or back from it", &TimeFiberSwitch);
  return costs;
}

}  // namespace crossover
