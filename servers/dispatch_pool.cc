// dispatch-pool
//
//   reactor:  epoll_wait --> each ready connection: onto the queue, wakes a worker
//   worker:   takes it from the queue --> [ recv -> session -> send ] --> epoll_ctl(MOD): armed
//   again
//
// One reactor watches all connections and does no work on them; a ready one goes through a queue to
// whichever worker is free, and is disarmed meanwhile (EPOLLONESHOT), so that one worker at a time
// has it. Workers are used evenly, and one that is held up by a handler holds up one connection
// only. Each request pays for that: a lock, often a wake-up (a switch), a third system call to arm
// the connection again, and caches that another CPU has filled. Memory is a session for each
// connection. When all workers are busy, requests wait in the queue, first come first served.
// What many call a worker pool. In production: Tomcat's NIO connector, cheroot, Java's Grizzly. The
// idea: Schmidt's half-sync/half-async (1996).

#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <vector>

#include "base/check.h"
#include "base/error.h"
#include "servers/architecture.h"
#include "servers/ready_queue.h"
#include "servers/sanitizers.h"
#include "servers/thread_set.h"

namespace crossover {
namespace {

class DispatchPool : public Architecture {
 public:
  explicit DispatchPool(const ArchitectureOptions& options)
      : workers_(WorkerCount(options)),
        batch_(options.batch),
        threads_(options.stack_bytes),
        epoll_(epoll_create1(EPOLL_CLOEXEC)),
        stop_event_(eventfd(0, EFD_CLOEXEC)) {
    epoll_event event{.events = EPOLLIN | EPOLLET, .data = {.ptr = nullptr}};
    if (!epoll_ || !stop_event_ ||
        epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, stop_event_.get(), &event) != 0) {
      ThrowErrno("epoll_create1");
    }
  }
  ~DispatchPool() override { StopAndJoin(); }

  // The calling thread accepts; the reactor is a thread beside it.
  void Serve(Listener& listener, Counters& counters) override {
    bool started = threads_.Start([this] { React(); });
    for (size_t i = 0; i < workers_; ++i) {
      started = started && threads_.Start([this] { Work(); });
    }
    if (!started) ThrowErrno("dispatch-pool: starting a worker", EAGAIN);
    while (auto connection = listener.Accept(SocketMode::kNonBlocking)) {
      open_.fetch_add(1, std::memory_order_relaxed);
      if (Arm(EPOLL_CTL_ADD, connection.get())) {
        static_cast<void>(connection.release());  // whoever finds it done deletes it
        continue;
      }
      open_.fetch_sub(1, std::memory_order_relaxed);
      counters.accept_errors.fetch_add(1, std::memory_order_relaxed);
      listener.Reject(std::move(connection));
    }
    StopAndJoin();
  }

 private:
  // Readiness is asked for one direction only: a socket is nearly always ready to be written to.
  bool Arm(int operation, Connection* connection) {
    // The end of input would be ready at once, again and again, while output waits for room.
    const uint32_t direction = connection->writing() ? EPOLLOUT : EPOLLIN | EPOLLRDHUP;
    epoll_event event{.events = direction | EPOLLONESHOT, .data = {.ptr = connection}};
    const int fd = connection->fd();
    NoteRelease(connection);
    const AsIfAlreadyReturned annotation;
    return epoll_ctl(epoll_.get(), operation, fd, &event) == 0;
  }

  // Until it is stopped and no connection is left; the workers end with it.
  void React() {
    std::vector<epoll_event> events(batch_);
    while (!stopping_.load() || open_.load() > 0) {
      const int count =
          epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), -1);
      CHECK(count >= 0 || errno == EINTR);
      const size_t wanted = queue_.Push({events.data(), static_cast<size_t>(std::max(count, 0))});
      for (size_t i = 0; i < wanted; ++i) queue_.WakeOne();
    }
    queue_.Close();
  }

  void Work() {
    while (const auto ready = queue_.Next()) {
      Connection* const connection = ready->connection;
      if (connection->Run(ready->peer_closed) == Connection::Outcome::kBlocked) {
        CHECK(Arm(EPOLL_CTL_MOD, connection));  // another worker may have it from here on
        continue;
      }
      delete connection;
      if (open_.fetch_sub(1) == 1 && stopping_.load()) WakeReactor();
    }
  }

  void WakeReactor() {
    if (eventfd_write(stop_event_.get(), 1) != 0) ThrowErrno("eventfd_write");
  }

  void StopAndJoin() {
    stopping_.store(true);
    WakeReactor();
    threads_.Join();
  }

  const size_t workers_;
  const size_t batch_;
  ThreadSet threads_;
  Fd epoll_;
  Fd stop_event_;
  std::atomic<size_t> open_{0};
  std::atomic<bool> stopping_{false};
  ReadyQueue queue_;
};

}  // namespace

std::unique_ptr<Architecture> MakeDispatchPool(const ArchitectureOptions& options) {
  return std::make_unique<DispatchPool>(options);
}

}  // namespace crossover
