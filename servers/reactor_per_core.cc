// reactor-per-core
//
//   each worker:  epoll_wait --> its own listening socket ready: accept, epoll_ctl(ADD)
//                            --> for each ready connection [ recv -> session -> send ] -->
//                            epoll_wait
//
// A worker for each CPU with a listening socket of its own: the kernel spreads new connections over
// them by a hash (SO_REUSEPORT), and a connection never leaves its worker. Nothing of a request is
// shared (counters apart, which all architectures have alike), nor is accepting; so it is
// event-loop, N times. The price is a spread that is even by chance only, and a worker that is held
// up (a long /cpu, a /wait) holds up its connections while others idle. Limited by descriptors
// only. In production: nginx with reuseport, Envoy, Seastar, HAProxy. The idea: Linux 3.9 (2013),
// by Tom Herbert.

#include <cerrno>
#include <deque>
#include <vector>

#include "base/error.h"
#include "servers/architecture.h"
#include "servers/epoll_loop.h"
#include "servers/thread_set.h"

namespace crossover {
namespace {

class ReactorPerCore : public Architecture {
 public:
  explicit ReactorPerCore(const ArchitectureOptions& options) : threads_(options.stack_bytes) {
    for (size_t i = 0; i < WorkerCount(options); ++i) workers_.emplace_back(options);
  }
  ~ReactorPerCore() override { threads_.Join(); }

  void Prepare(Listener& listener, Counters&) override {
    siblings_ = listener.Siblings(workers_.size() - 1);
  }

  // The first worker is the calling thread. If one can't be started those before it end with the
  // listener's stop.
  void Serve(Listener& listener, Counters& counters) override {
    workers_[0].AcceptFrom(listener, counters);
    for (size_t i = 1; i < workers_.size(); ++i) {
      workers_[i].AcceptFrom(*siblings_[i - 1], counters);
    }
    for (size_t i = 1; i < workers_.size(); ++i) {
      if (threads_.Start([&worker = workers_[i]] { worker.Run(); })) continue;
      ThrowErrno("reactor-per-core: starting a worker", EAGAIN);
    }
    workers_[0].Run();
    threads_.Join();
  }

 private:
  std::vector<std::unique_ptr<Listener>> siblings_;
  std::deque<EpollLoop> workers_;
  ThreadSet threads_;
};

}  // namespace

std::unique_ptr<Architecture> MakeReactorPerCore(const ArchitectureOptions& options) {
  return std::make_unique<ReactorPerCore>(options);
}

}  // namespace crossover
