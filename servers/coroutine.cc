// coroutine
//
//   each worker:  epoll_pwait2 --> its listening socket ready: resumes the accepting coroutine
//                              --> for each ready connection: resumes its coroutine
//   coroutine:    co_await events --> [ recv -> session -> send ] --> co_await events ...
//
// reactor-per-core, in whose place of callbacks each connection has a stackless C++20 coroutine:
// the code reads as if it blocked, and what lives across a wait is in a frame of some hundred
// bytes, which the compiler cuts from the function. Resuming is an indirect call: no stack is
// switched, no thread woken. A connection stays on its worker, so nothing is locked. The frame
// comes from the ordinary operator new when the connection is accepted and goes when it closes. A
// handler that waits (/wait) suspends its coroutine until a timer of the worker's (a heap,
// nanoseconds), and holds up nobody; one that computes (/cpu) holds up its worker's connections.
// Limited by descriptors. In production: Seastar and ScyllaDB, Boost.Asio's awaitables,
// folly::coro; Rust's async and Python's asyncio are of the same kind. The idea: Conway, 1963; in
// C++ by Nishanov.

#include <coroutine>
#include <exception>
#include <memory>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "servers/architecture.h"
#include "servers/per_core.h"
#include "servers/precise_epoll.h"
#include "servers/timer_queue.h"

namespace crossover {
namespace {

// What a coroutine that is nobody's returns: it runs at once, until it first waits, and its frame
// goes when it ends.
struct Detached {
  struct promise_type {
    Detached get_return_object() const noexcept { return {}; }
    std::suspend_never initial_suspend() const noexcept { return {}; }
    std::suspend_never final_suspend() const noexcept { return {}; }
    void return_void() const noexcept {}
    [[noreturn]] void unhandled_exception() const noexcept { std::terminate(); }
  };
};

// Who waits for a descriptor's events or for a deadline. One coroutine at a time.
struct Waiter : TimerQueue::Timer {
  uint32_t events = 0;                // that came and that it has not been told
  std::coroutine_handle<> suspended;  // null while it runs
};

// One thread with its connections.
class Worker {
 public:
  explicit Worker(const ArchitectureOptions& options)
      : busy_poll_ns_(options.busy_poll_ns), room_(options.batch) {}

  // Before Run(), and outlives it. Throws std::system_error if the kernel can't.
  void AcceptFrom(Listener& listener, Counters& counters) {
    listener_ = &listener;
    counters_ = &counters;
    if (!epoll_.Add(listener.fd(), EPOLLIN, &acceptor_) ||
        !epoll_.Add(listener.stop_fd(), EPOLLIN | EPOLLET, &acceptor_)) {
      ThrowErrno("epoll_ctl");
    }
  }

  // Serves on the calling thread until the listener is stopped and the last coroutine has ended.
  void Run() {
    Accept();
    while (coroutines_ > 0) {
      const auto events = epoll_.Wait(room_, timers_.next_deadline_ns(), busy_poll_ns_);
      // What is armed from here on waits for the next turn.
      const int64_t now_ns = timers_.size() == 0 ? 0 : MonotonicNs();
      // A connection has one event in a batch: what ends here has none that follows.
      for (const epoll_event& event : events) {
        Waiter& waiter = *static_cast<Waiter*>(event.data.ptr);
        waiter.events |= event.events;
        Resume(waiter);
      }
      while (TimerQueue::Timer* const timer = timers_.Expire(now_ns)) {
        Resume(static_cast<Waiter&>(*timer));
      }
    }
  }

 private:
  // co_await's operand: suspends until there are events for the waiter, or until the deadline, and
  // gives the events; none at the deadline.
  struct Wakening {
    Worker& worker;
    Waiter& waiter;
    int64_t deadline_ns;

    bool await_ready() const noexcept { return waiter.events != 0; }
    void await_suspend(std::coroutine_handle<> coroutine) const {
      waiter.suspended = coroutine;
      if (deadline_ns < TimerQueue::kNever) worker.timers_.Arm(waiter, deadline_ns);
    }
    uint32_t await_resume() const {
      worker.timers_.Disarm(waiter);
      return std::exchange(waiter.events, 0);
    }
  };
  Wakening Events(Waiter& waiter) { return {*this, waiter, TimerQueue::kNever}; }
  Wakening EventsUntil(Waiter& waiter, int64_t deadline_ns) { return {*this, waiter, deadline_ns}; }

  // Counts a coroutine for as long as its frame lives.
  class Alive {
   public:
    explicit Alive(size_t& count) : count_(count) { ++count_; }
    ~Alive() { --count_; }
    Alive(const Alive&) = delete;
    Alive& operator=(const Alive&) = delete;

   private:
    size_t& count_;
  };

  static void Resume(Waiter& waiter) {
    if (waiter.suspended) std::exchange(waiter.suspended, nullptr).resume();
  }

  Detached Accept() {
    const Alive alive(coroutines_);
    int in_this_turn = 0;
    while (true) {
      Listener::Accepted accepted = listener_->TryAccept(SocketMode::kNonBlocking);
      if (accepted.kind == Listener::Accepted::Kind::kStopped) break;
      if (accepted.kind == Listener::Accepted::Kind::kBackOff) {
        const int64_t until_ns = MonotonicNs() + accepted.back_off_ms * kNsPerMs;
        epoll_.Arm(listener_->fd(), 0, &acceptor_);
        while (!listener_->stopped() && MonotonicNs() < until_ns) {
          co_await EventsUntil(acceptor_, until_ns);
        }
        epoll_.Arm(listener_->fd(), EPOLLIN, &acceptor_);
        continue;
      }
      if (accepted.kind == Listener::Accepted::Kind::kConnection) {
        Serve(std::move(accepted.connection));
        // The stop is an event once only: after it all that wait are accepted in one turn.
        if (++in_this_turn < kAcceptsInATurn || listener_->stopped()) continue;
      }
      // Nobody waits, or the others have their turn. Who waits by now is an event of the next.
      in_this_turn = 0;
      co_await Events(acceptor_);
    }
    epoll_.Remove(listener_->fd());
    epoll_.Remove(listener_->stop_fd());
  }

  // Every event is followed by a Run() that reads and writes until the socket has no more, so that
  // the next wait is for a new edge. Those that come while a handler waits only ask again whether
  // to go on waiting: the drain may be over.
  Detached Serve(std::unique_ptr<Connection> connection) {
    const Alive alive(coroutines_);
    Waiter waiter;
    if (!epoll_.Add(connection->fd(), kConnectionEvents, &waiter)) {
      counters_->accept_errors.fetch_add(1, std::memory_order_relaxed);
      listener_->Reject(std::move(connection));
      co_return;
    }
    bool peer_closed = PeerClosed(co_await Events(waiter));
    int64_t wait_ends_ns = 0;  // 0: no handler waits
    while (true) {
      const auto outcome = connection->Run(peer_closed, Connection::Wait::kReturn);
      if (outcome == Connection::Outcome::kClosed) co_return;
      if (outcome == Connection::Outcome::kBlocked) {
        peer_closed |= PeerClosed(co_await Events(waiter));
        continue;
      }
      if (wait_ends_ns == 0) wait_ends_ns = MonotonicNs() + connection->wait_ns();
      peer_closed |= PeerClosed(co_await EventsUntil(waiter, wait_ends_ns));
      if (MonotonicNs() < wait_ends_ns) continue;
      connection->WaitOver();
      wait_ends_ns = 0;
    }
  }

  const int64_t busy_poll_ns_;
  std::vector<epoll_event> room_;
  PreciseEpoll epoll_;
  TimerQueue timers_;
  Listener* listener_ = nullptr;
  Counters* counters_ = nullptr;
  Waiter acceptor_;  // outlives its coroutine: of its two descriptors the second can come late
  size_t coroutines_ = 0;
};

class CoroutinePerConnection : public PerCore<Worker> {
 public:
  explicit CoroutinePerConnection(const ArchitectureOptions& options) : PerCore(options) {
    for (size_t i = 0; i < WorkerCount(options); ++i) workers().emplace_back(options);
  }
};

}  // namespace

std::unique_ptr<Architecture> MakeCoroutine(const ArchitectureOptions& options) {
  return std::make_unique<CoroutinePerConnection>(options);
}

}  // namespace crossover
