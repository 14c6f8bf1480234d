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

#include <algorithm>
#include <cerrno>
#include <deque>

#include "base/error.h"
#include "servers/architecture.h"
#include "servers/epoll_loop.h"
#include "servers/thread_set.h"

namespace crossover {
namespace {

class EpollPool : public Architecture {
 public:
  explicit EpollPool(const ArchitectureOptions& options) : threads_(options.stack_bytes) {
    for (size_t i = 0; i < WorkerCount(options); ++i) workers_.emplace_back(options);
  }
  ~EpollPool() override { StopWorkers(); }

  void Serve(Listener& listener, Counters& counters) override {
    for (EpollLoop& worker : workers_) {
      if (threads_.Start([&worker] { worker.Run(); })) continue;
      ThrowErrno("epoll-pool: starting a worker", EAGAIN);
    }
    while (auto connection = listener.Accept(SocketMode::kNonBlocking)) {
      const auto fewest = std::min_element(
          workers_.begin(), workers_.end(),
          [](const EpollLoop& a, const EpollLoop& b) { return a.open() < b.open(); });
      if (!fewest->Add(connection)) {
        counters.accept_errors.fetch_add(1, std::memory_order_relaxed);
        listener.Reject(std::move(connection));
      }
    }
    StopWorkers();
  }

 private:
  void StopWorkers() {
    for (EpollLoop& worker : workers_) worker.Stop();
    threads_.Join();
  }

  std::deque<EpollLoop> workers_;
  ThreadSet threads_;
};

}  // namespace

std::unique_ptr<Architecture> MakeEpollPool(const ArchitectureOptions& options) {
  return std::make_unique<EpollPool>(options);
}

}  // namespace crossover
