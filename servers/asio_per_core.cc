// asio-per-core
//
//   each worker, in run() of its own io_context, takes the next from its own queue:
//     a ready connection --> [ recv -> session -> send ], its completion onto the queue
//     a completion       --> [ recv ]: on with that request, or let the reactor wait for one
//     the reactor        --> epoll_wait: ready connections and timers onto the queue
//
// asio-pool, with nothing shared: a worker for each CPU with an io_context (of concurrency hint 1)
// and a listening socket of its own, over which the kernel spreads new connections by a hash
// (SO_REUSEPORT). No strands, no wake-ups, and locks that nobody else takes, so a request costs a
// recv and a send and its share of an epoll_wait under load, with few connections two epoll_waits
// and often a recv that finds nothing; beside reactor-per-core it shows what Asio's layers cost. A
// worker that is held up (a long /cpu) holds up its connections while others idle; /wait takes a
// timer (a heap, a timerfd) and holds up nobody. Memory is a session, socket, timer and reactor
// state for each connection; handlers' memory is recycled by the thread. Limited by descriptors
// only. Not fair at saturation, as asio-pool. In production: Crow, where one acceptor spreads the
// connections over the io_contexts. The idea: Asio's example "HTTP Server 2".

#include "servers/architecture.h"
#include "servers/asio_loop.h"
#include "servers/per_core.h"

namespace crossover {
namespace {

class AsioPerCore : public PerCore<AsioLoop> {
 public:
  explicit AsioPerCore(const ArchitectureOptions& options) : PerCore(options) {
    for (size_t i = 0; i < WorkerCount(options); ++i) {
      workers().emplace_back(1, AsioLoop::Order::kOneThread);
    }
  }

  void Serve(Listener& listener, Counters& counters) override {
    PerCore::Serve(listener, counters);
    for (AsioLoop& worker : workers()) worker.Close();
  }
};

}  // namespace

std::unique_ptr<Architecture> MakeAsioPerCore(const ArchitectureOptions& options) {
  return std::make_unique<AsioPerCore>(options);
}

}  // namespace crossover
