// asio-per-core
#include <cerrno>
#include <deque>
#include <vector>

#include "base/error.h"
#include "servers/architecture.h"
#include "servers/asio_loop.h"
#include "servers/thread_set.h"

namespace crossover {
namespace {

class AsioPerCore : public Architecture {
 public:
  explicit AsioPerCore(const ArchitectureOptions& options) : threads_(options.stack_bytes) {
    for (size_t i = 0; i < WorkerCount(options); ++i) {
      workers_.emplace_back(1, AsioLoop::Order::kOneThread);
    }
  }
  ~AsioPerCore() override { threads_.Join(); }

  // The first worker is the calling thread.
  void Serve(Listener& listener, Counters& counters) override {
    workers_[0].AcceptFrom(listener, counters);
    for (size_t i = 1; i < workers_.size(); ++i) {
      workers_[i].AcceptFrom(*siblings_.emplace_back(listener.Sibling()), counters);
    }
    for (size_t i = 1; i < workers_.size(); ++i) {
      if (threads_.Start([&worker = workers_[i]] { worker.Run(); })) continue;
      ThrowErrno("asio-per-core: starting a worker", EAGAIN);
    }
    workers_[0].Run();
    threads_.Join();
  }

 private:
  std::vector<std::unique_ptr<Listener>> siblings_;
  std::deque<AsioLoop> workers_;
  ThreadSet threads_;
};

}  // namespace

std::unique_ptr<Architecture> MakeAsioPerCore(const ArchitectureOptions& options) {
  return std::make_unique<AsioPerCore>(options);
}

}  // namespace crossover
