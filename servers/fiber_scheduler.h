// FiberScheduler: many fibres on a few threads, after Go's runtime. Each worker has a run queue and
// steals from the others' when it has nothing to run; one worker without work waits in the one
// epoll instance for all of them, the rest sleep. None spins.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "base/fd.h"
#include "servers/architecture.h"
#include "servers/fiber_context.h"
#include "servers/precise_epoll.h"
#include "servers/run_queue.h"
#include "servers/thread_set.h"
#include "servers/timer_queue.h"

namespace crossover {

class FiberScheduler;

// One fibre. The members that wait are for its own body only, which may find itself on another
// thread after them: what FiberContext says of its body holds.
class Fiber : public TimerQueue::Timer {
 public:
  // Waits until something happened since Park() or ParkUntil() last returned: an event of a
  // watched descriptor, or the deadline (CLOCK_MONOTONIC). It may also return for no reason: look
  // at what is waited for, then park again.
  void Park();
  void ParkUntil(int64_t deadline_ns);
  // The epoll events that came since the last call.
  uint32_t TakeEvents() { return events_.exchange(0); }

 private:
  friend class FiberScheduler;
  struct Worker;

  // How parking and waking don't miss each other. Three states, one atomic:
  //   kRunning   it runs, is about to, or is in a run queue
  //   kNotified  the same, and something has happened meanwhile
  //   kParked    it is in no queue, and its registers are saved
  // A fibre that parks only switches to its worker; there, off its stack, the worker tries
  // kRunning -> kParked. Who wakes it exchanges the state for kNotified after what happened (the
  // kernel has the data, events_ is set): if it finds kParked, it alone queues the fibre; otherwise
  // there is nothing more to do. Back in Park() the fibre exchanges kNotified for kRunning before
  // it looks at what has happened. So what happens
  //   - before that exchange is seen by the look that follows it;
  //   - between it and the worker's attempt makes the attempt fail: the worker queues the fibre;
  //   - after the attempt finds kParked.
  // In each case the fibre looks again, and it is never in two queues, nor on two threads: only the
  // one who takes it out of kParked, or fails to put it there, queues it, and nobody can take it
  // out before its registers are saved.
  enum State : uint32_t { kRunning, kNotified, kParked };

  Fiber(FiberScheduler& scheduler, FiberStack stack)
      : scheduler_(scheduler), context_(std::move(stack)) {}

  FiberScheduler& scheduler_;
  FiberContext context_;
  Worker* worker_ = nullptr;  // the one that runs it, or did
  std::atomic<uint32_t> state_{kRunning};
  std::atomic<uint32_t> events_{0};
};

class FiberScheduler {
 public:
  using Body = std::function<void(Fiber&)>;

  // Takes workers, batch, busy_poll_ns and stack_bytes of the options. Throws UsageError or
  // std::system_error.
  explicit FiberScheduler(const ArchitectureOptions& options);
  // Waits for the threads that Run() started before it threw; they end with the last fibre.
  ~FiberScheduler();

  // A new fibre; from another one it is queued behind those of `spawner`'s worker. Null if there is
  // no stack for it. Before Run(), or from a fibre. It is the scheduler's; another fibre must not
  // touch it, since it may have ended.
  Fiber* Spawn(Body body, const Fiber* spawner = nullptr);
  // From here on events of `fd` wake `fiber`. For one that is no more, in whose place another may
  // be by then, a last event can still come: that is one of Park()'s returns for no reason. False
  // if the kernel has no memory.
  bool Watch(int fd, uint32_t events, Fiber& fiber) { return epoll_.Add(fd, events, &fiber); }
  void WatchAgain(int fd, uint32_t events, Fiber& fiber) { epoll_.Arm(fd, events, &fiber); }
  void Unwatch(int fd) { epoll_.Remove(fd); }

  // Runs the fibres, on this thread and on others, until the last one has ended. Throws
  // std::system_error if a thread can't be started. Called once.
  void Run();

 private:
  friend class Fiber;
  using Worker = Fiber::Worker;

  // What the one who polls is at. Changed under idle_mutex_.
  enum class Poller {
    kNobody,
    kGlancing,     // a busy worker looks, without waiting
    kWaiting,      // an idle worker waits, or is about to
    kInterrupted,  // the same, and it has been told to come out
  };

  void Work(Worker& self);
  Fiber* Next(Worker& self);
  Fiber* Search(Worker& self);
  void Steal(Worker& self);
  void Idle(Worker& self);
  void AwaitWork(Worker& self);
  void AwaitEvents(Worker& self);
  void Glance(Worker& self);
  void Poll(Worker& self, int64_t deadline_ns);
  void WakeOne();
  void InterruptPoller();
  bool HasWork() const;
  void NoteEnd(Fiber* fiber);
  void ArmTimer(Fiber& fiber, int64_t deadline_ns);
  void DisarmTimer(Fiber& fiber);

  const size_t stack_bytes_;
  const int64_t busy_poll_ns_;
  PreciseEpoll epoll_;
  Fd interrupt_;
  std::deque<Worker> workers_;

  // Fibres that have ended are kept with their stacks, for the next ones and so that an event that
  // comes late finds one: none is freed before the scheduler.
  std::mutex fibers_mutex_;
  std::vector<std::unique_ptr<Fiber>> fibers_;
  std::vector<Fiber*> ended_;
  std::atomic<size_t> live_{0};

  // One queue for all: only handlers that wait come here.
  std::mutex timers_mutex_;
  TimerQueue timers_;
  int64_t poll_until_ns_ = 0;  // of the last AwaitEvents()

  std::mutex idle_mutex_;
  std::vector<Worker*> sleepers_;
  std::atomic<size_t> idle_{0};       // sleepers, and the poller while it is kWaiting
  std::atomic<size_t> searching_{0};  // workers that look for work, or were woken to
  std::atomic<Poller> poller_{Poller::kNobody};
  std::atomic<bool> done_{false};

  ThreadSet threads_;
};

}  // namespace crossover
