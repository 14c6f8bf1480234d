// event-loop
//
//   the one thread:  epoll_wait --> listener ready: accept, epoll_ctl(ADD)
//                               --> for each ready connection [ recv -> session -> send ] -->
//                               epoll_wait
//
// One thread does everything, so that nothing is shared, locked, woken or handed over: two system
// calls a request and its share of an epoll_wait, no switch while there is work. It is the
// denominator of what the others pay for being many. It can't use a second CPU, and a handler that
// blocks (/wait) or computes (/cpu) holds up every connection. Memory is a session for each
// connection; limited by descriptors only. In production: redis, a Node.js process. The idea: the
// select() servers of the 1980s; Pai's AMPED and Flash (1999) named it SPED.

#include "servers/architecture.h"
#include "servers/epoll_loop.h"

namespace crossover {
namespace {

class EventLoop : public Architecture {
 public:
  explicit EventLoop(const ArchitectureOptions& options) : loop_(options) {}

  void Serve(Listener& listener, Counters& counters) override {
    loop_.AcceptFrom(listener, counters);
    loop_.Run();
  }

 private:
  EpollLoop loop_;
};

}  // namespace

std::unique_ptr<Architecture> MakeEventLoop(const ArchitectureOptions& options) {
  return std::make_unique<EventLoop>(options);
}

}  // namespace crossover
