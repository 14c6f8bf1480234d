// asio-pool
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
