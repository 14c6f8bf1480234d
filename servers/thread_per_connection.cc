// thread-per-connection
//
//   acceptor --accept--> starts a thread --> [ recv -> session -> send ]*  --> closes, ends
//
// The acceptor blocks in poll and starts a thread for each connection. The thread blocks in recv;
// the kernel wakes it when a request arrives: a wake-up and two switches for each request that
// finds it asleep. Costs a thread's memory for each connection (touched stack, 16 KiB of kernel
// stack) and a run queue as long as the number of connections with work. Creation and exit are paid
// by each connection. At the system's limit of threads a connection is answered 503. A handler that
// blocks holds up its own connection only.
// In production: MySQL's default, Apache's worker MPM (with a pool in front). The model of Go's
// net/http, whose threads are goroutines. The idea is as old as accept(2).

#include "servers/architecture.h"
#include "servers/thread_set.h"

namespace crossover {
namespace {

class ThreadPerConnection : public Architecture {
 public:
  explicit ThreadPerConnection(const ArchitectureOptions& options)
      : threads_(options.stack_bytes) {}

  void Serve(Listener& listener, Counters& counters) override {
    while (auto connection = listener.Accept(SocketMode::kBlocking)) {
      Connection* const served = connection.get();
      const bool started = threads_.Start([served] {
        const std::unique_ptr<Connection> owned(served);
        owned->Run();
      });
      if (started) {
        static_cast<void>(connection.release());  // the thread owns it now
      } else {
        counters.thread_failures.fetch_add(1, std::memory_order_relaxed);
        listener.Reject(std::move(connection));
      }
    }
    threads_.Join();
  }

 private:
  ThreadSet threads_;
};

}  // namespace

std::unique_ptr<Architecture> MakeThreadPerConnection(const ArchitectureOptions& options) {
  return std::make_unique<ThreadPerConnection>(options);
}

}  // namespace crossover
