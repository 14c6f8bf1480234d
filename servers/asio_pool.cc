// asio-pool
//
//   each worker, in io_context.run(), takes the next from one queue:
//     a ready connection --> [ recv -> strand: session -> send ], its completion onto the queue
//     a completion       --> [ recv ]: on with that request, or let the reactor wait for one
//     the reactor        --> epoll_wait: ready connections and timers onto the queue
//   or, if nothing is in it, sleeps on a condition variable.
//
// What most users of Boost.Beast write: one io_context, N threads that run it, a strand for each
// connection. Any worker serves any connection; the strand, a queue with one of 193 mutexes, keeps
// handlers of one connection apart. Whatever is queued goes through the one lock and wakes a worker
// that sleeps, or, by an epoll_ctl on an eventfd, the one in epoll_wait: with few connections that
// is about four futex calls, two epoll_waits and one epoll_ctl a request beside its recv and send,
// and a switch; under load, with the queue never empty, the two and a share of an epoll_wait, plus
// a recv that finds nothing when the client is slow. A handler that computes holds up one worker;
// /wait takes a timer (a heap under a lock, a timerfd), and no worker. Memory is a session, socket,
// timer, strand and reactor state for each connection; handlers' memory is recycled by the thread.
// Limited by descriptors only. It is not fair at saturation: a turn of the queue takes in 128
// events at most, while a connection whose client has answered before its completion is run keeps
// its place, so that of 16,000 connections some wait for seconds. In production: rippled, Ceph's
// RADOS Gateway. The idea: the proactor of Schmidt's ACE (1997); Kohlhoff's Asio (2003).

#include <cerrno>

#include "base/error.h"
#include "servers/architecture.h"
#include "servers/asio_loop.h"
#include "servers/thread_set.h"

namespace crossover {
namespace {

class AsioPool : public Architecture {
 public:
  explicit AsioPool(const ArchitectureOptions& options)
      : workers_(WorkerCount(options)),
        loop_(workers_, AsioLoop::Order::kStrands),
        threads_(options.stack_bytes) {}
  ~AsioPool() override { threads_.Join(); }

  // The first worker is the calling thread.
  void Serve(Listener& listener, Counters& counters) override {
    loop_.AcceptFrom(listener, counters);
    for (size_t i = 1; i < workers_; ++i) {
      if (threads_.Start([this] { loop_.Run(); })) continue;
      ThrowErrno("asio-pool: starting a worker", EAGAIN);
    }
    loop_.Run();
    threads_.Join();
    loop_.Close();
  }

 private:
  const size_t workers_;
  AsioLoop loop_;
  ThreadSet threads_;
};

}  // namespace

std::unique_ptr<Architecture> MakeAsioPool(const ArchitectureOptions& options) {
  return std::make_unique<AsioPool>(options);
}

}  // namespace crossover
