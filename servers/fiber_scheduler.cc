#include "servers/fiber_scheduler.h"

#include <sys/eventfd.h>

#include <algorithm>
#include <cerrno>

#include "base/check.h"
#include "base/clock.h"
#include "base/error.h"

namespace crossover {

// How going to sleep and new work don't miss each other. Whoever makes work queues it, then reads
// idle_ and searching_: if a worker is idle and none searches, it wakes one (WakeOne). Whoever goes
// to sleep counts itself in idle_, then out of searching_, and then looks once more at all queues
// and at whether somebody polls. All four are sequentially consistent, so either the maker sees the
// sleeper, or the sleeper sees the work. If the maker leaves it to one who searches, that one's
// count falls only later: when it goes to sleep it looks once more; when it has found work and was
// the last to search, it wakes another (Search) if there is more, or if nobody polls. To stop
// polling counts as making work: a worker that sleeps has seen somebody poll. So while there is
// a sleeper, either somebody polls and no fibre is queued, or somebody searches or is being woken,
// or whoever made the difference is about to see to it.

struct Fiber::Worker {
  explicit Worker(size_t batch) : room(batch) {}

  RunQueue queue;
  std::vector<epoll_event> room;
  std::vector<Fiber*> found;   // on their way into the queue
  size_t runs_since_poll = 0;  // this worker's, since it last looked
  std::condition_variable wake;
  bool woken = false;  // under idle_mutex_
};

namespace {

// The workers' own stacks: fibres don't run on them.
constexpr size_t kWorkerStackBytes = 128 * 1024;

}  // namespace

void Fiber::Park() {
  context_.Suspend();
  state_.exchange(kRunning);
}

void Fiber::ParkUntil(int64_t deadline_ns) {
  scheduler_.ArmTimer(*this, deadline_ns);
  Park();
  scheduler_.DisarmTimer(*this);
}

FiberScheduler::FiberScheduler(const ArchitectureOptions& options)
    : stack_bytes_(options.stack_bytes),
      busy_poll_ns_(options.busy_poll_ns),
      interrupt_(eventfd(0, EFD_CLOEXEC)),
      threads_(kWorkerStackBytes) {
  // Never read: each write is an edge.
  if (!interrupt_ || !epoll_.Add(interrupt_.get(), EPOLLIN | EPOLLET, nullptr)) {
    ThrowErrno("eventfd");
  }
  for (size_t i = 0; i < WorkerCount(options); ++i) workers_.emplace_back(options.batch);
}

FiberScheduler::~FiberScheduler() { threads_.Join(); }

void FiberScheduler::Run() {
  for (size_t i = 1; i < workers_.size(); ++i) {
    if (threads_.Start([this, &worker = workers_[i]] { Work(worker); })) continue;
    ThrowErrno("fiber: starting a worker", EAGAIN);
  }
  Work(workers_[0]);
  threads_.Join();
}

Fiber* FiberScheduler::Spawn(Body body, const Fiber* spawner) {
  Fiber* fiber = nullptr;
  {
    const std::lock_guard lock(fibers_mutex_);
    if (!ended_.empty()) {
      fiber = ended_.back();
      ended_.pop_back();
    } else if (auto stack = FiberStack::Map(stack_bytes_)) {
      fibers_.emplace_back(new Fiber(*this, std::move(*stack)));
      fiber = fibers_.back().get();
    } else {
      return nullptr;
    }
  }
  live_.fetch_add(1);
  fiber->events_.store(0);
  fiber->context_.Start([fiber, body = std::move(body)] { body(*fiber); });
  Worker& worker = spawner == nullptr ? workers_[0] : *spawner->worker_;
  worker.queue.Push({&fiber, 1});
  WakeOne();
  return fiber;
}

void FiberScheduler::Work(Worker& self) {
  while (Fiber* fiber = Next(self)) {
    ++self.runs_since_poll;
    fiber->worker_ = &self;
    if (!fiber->context_.Resume()) {
      NoteEnd(fiber);
      continue;
    }
    uint32_t expected = Fiber::kRunning;
    // Once it is parked it may run elsewhere already.
    if (fiber->state_.compare_exchange_strong(expected, Fiber::kParked)) continue;
    self.queue.Push({&fiber, 1});
    if (self.queue.size() > 1) WakeOne();
  }
}

void FiberScheduler::NoteEnd(Fiber* fiber) {
  {
    const std::lock_guard lock(fibers_mutex_);
    ended_.push_back(fiber);
  }
  if (live_.fetch_sub(1) > 1) return;
  const std::lock_guard lock(idle_mutex_);
  done_.store(true);
  for (Worker* sleeper : sleepers_) {
    sleeper->woken = true;
    sleeper->wake.notify_one();
  }
  sleepers_.clear();
  CHECK(eventfd_write(interrupt_.get(), 1) == 0);
}

// The next fibre to run; waits for it. Null once the last one has ended.
Fiber* FiberScheduler::Next(Worker& self) {
  // Who has work without end still lets events in.
  if (self.runs_since_poll >= self.room.size()) Glance(self);
  Fiber* const own = self.queue.Pop();
  return own != nullptr ? own : Search(self);
}

Fiber* FiberScheduler::Search(Worker& self) {
  searching_.fetch_add(1);
  while (!done_.load()) {
    if (self.queue.size() == 0) Steal(self);
    if (Fiber* const found = self.queue.Pop()) {
      const bool last = searching_.fetch_sub(1) == 1;
      if (last && (HasWork() || poller_.load() == Poller::kNobody)) WakeOne();
      return found;
    }
    Idle(self);
  }
  return nullptr;
}

// From one of the others, beginning with the next.
void FiberScheduler::Steal(Worker& self) {
  const auto own = static_cast<size_t>(
      std::find_if(workers_.begin(), workers_.end(), [&](Worker& w) { return &w == &self; }) -
      workers_.begin());
  for (size_t i = 1; i < workers_.size() && self.found.empty(); ++i) {
    workers_[(own + i) % workers_.size()].queue.Steal(self.found);
  }
  if (self.found.empty()) return;
  self.queue.Push(self.found);
  self.found.clear();
}

bool FiberScheduler::HasWork() const {
  return std::any_of(workers_.begin(), workers_.end(),
                     [](const Worker& worker) { return worker.queue.size() > 0; });
}

// Called, and returns, while searching. In between it polls, if nobody does, or sleeps.
void FiberScheduler::Idle(Worker& self) {
  bool polls = false;
  {
    const std::lock_guard lock(idle_mutex_);
    if (done_.load()) return;
    polls = poller_.load() == Poller::kNobody;
    if (polls) {
      poller_.store(Poller::kWaiting);
    } else {
      sleepers_.push_back(&self);
    }
    idle_.fetch_add(1);
    searching_.fetch_sub(1);
  }
  if (polls) {
    AwaitEvents(self);
  } else {
    AwaitWork(self);
  }
}

void FiberScheduler::AwaitWork(Worker& self) {
  std::unique_lock lock(idle_mutex_);
  if (!self.woken && (HasWork() || poller_.load() == Poller::kNobody)) {
    sleepers_.erase(std::find(sleepers_.begin(), sleepers_.end(), &self));
    idle_.fetch_sub(1);
    searching_.fetch_add(1);
    return;
  }
  self.wake.wait(lock, [&] { return self.woken; });
  self.woken = false;  // who woke it has counted it
}

void FiberScheduler::AwaitEvents(Worker& self) {
  if (!HasWork()) {
    int64_t deadline_ns = 0;
    {
      const std::lock_guard lock(timers_mutex_);
      deadline_ns = poll_until_ns_ = timers_.next_deadline_ns();
    }
    Poll(self, deadline_ns);
  }
  const std::lock_guard lock(idle_mutex_);
  if (poller_.load() == Poller::kWaiting) {
    idle_.fetch_sub(1);
    searching_.fetch_add(1);
  }  // else whoever interrupted it has counted it
  poller_.store(Poller::kNobody);
}

// Lets in the events that are there, unless somebody else is at it.
void FiberScheduler::Glance(Worker& self) {
  self.runs_since_poll = 0;
  {
    const std::lock_guard lock(idle_mutex_);
    if (poller_.load() != Poller::kNobody) return;
    poller_.store(Poller::kGlancing);
  }
  Poll(self, 0);
  poller_.store(Poller::kNobody);
  WakeOne();
}

// The fibres that events or timers wake go into this worker's queue.
void FiberScheduler::Poll(Worker& self, int64_t deadline_ns) {
  self.runs_since_poll = 0;
  const auto wake = [&self](Fiber* fiber) {
    if (fiber->state_.exchange(Fiber::kNotified) == Fiber::kParked) self.found.push_back(fiber);
  };
  for (const epoll_event& event : epoll_.Wait(self.room, deadline_ns, busy_poll_ns_)) {
    auto* const fiber = static_cast<Fiber*>(event.data.ptr);
    if (fiber == nullptr) continue;  // an interruption
    fiber->events_.fetch_or(event.events);
    wake(fiber);
  }
  {
    const std::lock_guard lock(timers_mutex_);
    if (timers_.size() > 0) {
      const int64_t now_ns = MonotonicNs();
      while (TimerQueue::Timer* const timer = timers_.Expire(now_ns)) {
        wake(static_cast<Fiber*>(timer));
      }
    }
  }
  if (self.found.empty()) return;
  self.queue.Push(self.found);
  self.found.clear();
}

// Wakes an idle worker to search, unless one searches already.
void FiberScheduler::WakeOne() {
  if (idle_.load() == 0) return;
  size_t none = 0;
  if (!searching_.compare_exchange_strong(none, 1)) return;
  Worker* sleeper = nullptr;
  {
    const std::lock_guard lock(idle_mutex_);
    if (!sleepers_.empty()) {
      sleeper = sleepers_.back();
      sleepers_.pop_back();
      sleeper->woken = true;
      idle_.fetch_sub(1);
    } else if (poller_.load() == Poller::kWaiting) {
      poller_.store(Poller::kInterrupted);
      idle_.fetch_sub(1);
    } else {
      searching_.fetch_sub(1);  // under the lock: who goes to sleep after it looks after this
      return;
    }
  }
  if (sleeper != nullptr) {
    sleeper->wake.notify_one();
  } else {
    CHECK(eventfd_write(interrupt_.get(), 1) == 0);
  }
}

// Makes the one who polls, if it waits, look at the timers again.
void FiberScheduler::InterruptPoller() {
  {
    const std::lock_guard lock(idle_mutex_);
    if (poller_.load() != Poller::kWaiting) return;
    poller_.store(Poller::kInterrupted);
    idle_.fetch_sub(1);
    searching_.fetch_add(1);
  }
  CHECK(eventfd_write(interrupt_.get(), 1) == 0);
}

void FiberScheduler::ArmTimer(Fiber& fiber, int64_t deadline_ns) {
  bool sooner = false;
  {
    const std::lock_guard lock(timers_mutex_);
    timers_.Arm(fiber, deadline_ns);
    sooner = deadline_ns < poll_until_ns_;
    if (sooner) poll_until_ns_ = deadline_ns;
  }
  if (sooner) InterruptPoller();
}

void FiberScheduler::DisarmTimer(Fiber& fiber) {
  const std::lock_guard lock(timers_mutex_);
  timers_.Disarm(fiber);
}

}  // namespace crossover
