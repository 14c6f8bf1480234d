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

#include "servers/architecture.h"
#include "servers/epoll_loop.h"
#include "servers/per_core.h"

namespace crossover {
namespace {

class ReactorPerCore : public PerCore<EpollLoop> {
 public:
  explicit ReactorPerCore(const ArchitectureOptions& options) : PerCore(options) {
    for (size_t i = 0; i < WorkerCount(options); ++i) workers().emplace_back(options);
  }
};

}  // namespace

std::unique_ptr<Architecture> MakeReactorPerCore(const ArchitectureOptions& options) {
  return std::make_unique<ReactorPerCore>(options);
}

}  // namespace crossover
