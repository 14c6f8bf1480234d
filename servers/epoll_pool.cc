// epoll-pool
//
//   acceptor --accept--> the worker with the fewest connections: epoll_ctl(ADD)
//   worker:  epoll_wait --> for each ready connection [ recv -> session -> send ] --> epoll_wait
//
// A fixed number of workers, each with an epoll instance and its own connections for life: nothing
// is shared between workers, and a connection is registered once (edge-triggered). Under load one
// epoll_wait brings a batch of ready connections, so a request costs two system calls and its share
// of one, and no switch. Memory is a session for each connection. A handler that blocks (/wait)
// holds up every connection of its worker. Limited by descriptors only. In production: Netty,
// memcached, libevent servers; nginx and Envoy accept in the workers themselves. The idea: Welsh's
// SEDA and Provos' libevent, 2000; epoll is in Linux since 2.5.44.

#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <deque>

#include "base/check.h"
#include "base/cpu_list.h"
#include "base/error.h"
#include "servers/architecture.h"
#include "servers/thread_set.h"

namespace crossover {
namespace {

class EpollWorker {
 public:
  EpollWorker() : epoll_(epoll_create1(EPOLL_CLOEXEC)), stop_event_(eventfd(0, EFD_CLOEXEC)) {
    if (!epoll_ || !stop_event_) ThrowErrno("epoll_create1");
    epoll_event event{.events = EPOLLIN, .data = {.ptr = nullptr}};
    if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, stop_event_.get(), &event) != 0) {
      ThrowErrno("epoll_ctl");
    }
  }

  size_t open() const { return open_.load(std::memory_order_relaxed); }

  // Takes the connection over. False, and it stays the caller's, if the kernel can't register it.
  bool Add(std::unique_ptr<Connection>& connection) {
    constexpr uint32_t kEvents = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
    open_.fetch_add(1, std::memory_order_relaxed);
    Connection* const added = connection.release();  // the worker may delete it before ADD returns
    epoll_event event{.events = kEvents, .data = {.ptr = added}};
    if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, added->fd(), &event) == 0) return true;
    connection.reset(added);
    open_.fetch_sub(1, std::memory_order_relaxed);
    return false;
  }

  // Run() returns once its last connection is done. No Add() after this; again does no harm.
  void Stop() {
    if (eventfd_write(stop_event_.get(), 1) != 0) ThrowErrno("eventfd_write");
  }

  void Run() {
    bool stopping = false;
    std::array<epoll_event, kBatch> events;
    while (!stopping || open() > 0) {
      const int ready = epoll_wait(epoll_.get(), events.data(), kBatch, -1);
      CHECK(ready >= 0 || errno == EINTR);
      for (int i = 0; i < ready; ++i) {
        const epoll_event& event = events[static_cast<size_t>(i)];
        if (event.data.ptr == nullptr) {
          stopping = true;
          epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, stop_event_.get(), nullptr);
        } else {
          Serve(static_cast<Connection*>(event.data.ptr), event.events);
        }
      }
    }
  }

 private:
  static constexpr int kBatch = 512;

  void Serve(Connection* connection, uint32_t events) {
    const bool peer_closed = (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
    if (connection->Run(peer_closed) == Connection::Outcome::kBlocked) return;
    delete connection;
    open_.fetch_sub(1, std::memory_order_relaxed);
  }

  Fd epoll_;
  Fd stop_event_;
  std::atomic<size_t> open_{0};
};

class EpollPool : public Architecture {
 public:
  explicit EpollPool(const ArchitectureOptions& options)
      : workers_(options.workers > 0 ? options.workers : AllowedCpus().size()),
        threads_(options.stack_bytes) {}
  ~EpollPool() override { StopWorkers(); }

  void Serve(Listener& listener, Counters& counters) override {
    for (EpollWorker& worker : workers_) {
      if (threads_.Start([&worker] { worker.Run(); })) continue;
      ThrowErrno("epoll-pool: starting a worker", EAGAIN);
    }
    while (auto connection = listener.Accept(SocketMode::kNonBlocking)) {
      const auto fewest = std::min_element(
          workers_.begin(), workers_.end(),
          [](const EpollWorker& a, const EpollWorker& b) { return a.open() < b.open(); });
      if (!fewest->Add(connection)) {
        counters.accept_errors.fetch_add(1, std::memory_order_relaxed);
        listener.Reject(std::move(connection));
      }
    }
    StopWorkers();
  }

 private:
  void StopWorkers() {
    for (EpollWorker& worker : workers_) worker.Stop();
    threads_.Join();
  }

  std::deque<EpollWorker> workers_;
  ThreadSet threads_;
};

}  // namespace

std::unique_ptr<Architecture> MakeEpollPool(const ArchitectureOptions& options) {
  return std::make_unique<EpollPool>(options);
}

}  // namespace crossover
