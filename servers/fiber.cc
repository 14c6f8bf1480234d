// fiber
//
//   worker:  [own run queue] -- empty --> steals half of another's -- all empty --> one waits
//            in epoll_pwait2 for all workers, and queues whom events and timers wake; others sleep
//   fibre:   [ recv -> session -> send ] --> parks: switches to its worker, which runs the next
//
// The nearest to Go's goroutines in C++: each connection has a stack and blocking code, and parks
// where it would block, which costs two switches of some 20 instructions instead of two through the
// kernel. Fibres move: whichever worker is free takes a ready one, so that a handler that computes
// (/cpu) holds up one worker only; one that waits (/wait) parks until a timer and holds up nobody.
// A busy server pays for it with a few atomics and mostly uncontended locks a request; one that is
// nearly idle with a wake-up of a second worker for most requests, since somebody has to poll while
// the first one serves. No worker spins (but for --busy-poll). Memory is a stack: 128 KiB of
// addresses, of which 12 KiB get touched, kept for later connections. Without one a connection is
// refused (503). In production: Go's net/http itself; brpc's bthreads and Java's virtual threads
// are built alike. The idea: Blumofe's and Leiserson's work stealing (1994); Vyukov's scheduler in
// Go 1.1 (2013).

#include <cerrno>
#include <memory>
#include <utility>

#include "base/clock.h"
#include "base/error.h"
#include "servers/architecture.h"
#include "servers/fiber_scheduler.h"

namespace crossover {
namespace {

class FiberPerConnection : public Architecture {
 public:
  explicit FiberPerConnection(const ArchitectureOptions& options) : scheduler_(options) {}

  void Serve(Listener& listener, Counters& counters) override {
    listener_ = &listener;
    counters_ = &counters;
    Fiber* const acceptor = scheduler_.Spawn([this](Fiber& self) { Accept(self); });
    if (acceptor == nullptr) ThrowErrno("fiber: a stack of --stack-bytes for the acceptor", ENOMEM);
    if (!scheduler_.Watch(listener.fd(), EPOLLIN | EPOLLONESHOT, *acceptor) ||
        !scheduler_.Watch(listener.stop_fd(), EPOLLIN | EPOLLET, *acceptor)) {
      ThrowErrno("epoll_ctl");
    }
    scheduler_.Run();
  }

 private:
  void Accept(Fiber& self) {
    int in_this_turn = 0;
    while (true) {
      Listener::Accepted accepted = listener_->TryAccept(SocketMode::kNonBlocking);
      if (accepted.kind == Listener::Accepted::Kind::kStopped) break;
      if (accepted.kind == Listener::Accepted::Kind::kBackOff) {
        const int64_t until_ns = MonotonicNs() + accepted.back_off_ms * kNsPerMs;
        while (!listener_->stopped() && MonotonicNs() < until_ns) self.ParkUntil(until_ns);
        continue;
      }
      if (accepted.kind == Listener::Accepted::Kind::kConnection) {
        Start(std::move(accepted.connection), self);
        // The stop is an event once only: after it all that wait are accepted in one turn.
        if (++in_this_turn < kAcceptsInATurn || listener_->stopped()) continue;
      }
      // Nobody waits, or the others have their turn. Who waits by now is an event.
      in_this_turn = 0;
      scheduler_.WatchAgain(listener_->fd(), EPOLLIN | EPOLLONESHOT, self);
      self.Park();
    }
    scheduler_.Unwatch(listener_->fd());
    scheduler_.Unwatch(listener_->stop_fd());
  }

  void Start(std::unique_ptr<Connection> connection, const Fiber& acceptor) {
    Connection* const started = connection.get();
    const auto body = [this, started](Fiber& self) { ServeOne(self, started); };
    if (scheduler_.Spawn(body, &acceptor) != nullptr) {
      static_cast<void>(connection.release());  // the fibre owns it now
      return;
    }
    counters_->thread_failures.fetch_add(1, std::memory_order_relaxed);
    listener_->Reject(std::move(connection));
  }

  // Every event is followed by a Run() that reads and writes until the socket has no more, so that
  // the next park is for a new edge. Those that come while a handler waits only ask again whether
  // to go on waiting: the drain may be over.
  void ServeOne(Fiber& self, Connection* started) {
    std::unique_ptr<Connection> connection(started);
    if (!scheduler_.Watch(connection->fd(), kConnectionEvents, self)) {
      counters_->accept_errors.fetch_add(1, std::memory_order_relaxed);
      listener_->Reject(std::move(connection));
      return;
    }
    self.Park();  // until the first event, which every socket gives
    bool peer_closed = false;
    int64_t wait_ends_ns = 0;  // 0: no handler waits
    while (true) {
      peer_closed |= PeerClosed(self.TakeEvents());
      const auto outcome = connection->Run(peer_closed, Connection::Wait::kReturn);
      if (outcome == Connection::Outcome::kClosed) return;
      if (outcome == Connection::Outcome::kBlocked) {
        // Input that blocks has no end yet. An event that came late for the fibre's last connection
        // is forgotten with that.
        if (!connection->writing()) peer_closed = false;
        self.Park();
        continue;
      }
      if (wait_ends_ns == 0) wait_ends_ns = MonotonicNs() + connection->wait_ns();
      self.ParkUntil(wait_ends_ns);
      if (MonotonicNs() < wait_ends_ns) continue;
      connection->WaitOver();
      wait_ends_ns = 0;
    }
  }

  FiberScheduler scheduler_;
  Listener* listener_ = nullptr;
  Counters* counters_ = nullptr;
};

}  // namespace

std::unique_ptr<Architecture> MakeFiber(const ArchitectureOptions& options) {
  return std::make_unique<FiberPerConnection>(options);
}

}  // namespace crossover
