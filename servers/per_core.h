// PerCore: workers that each accept for themselves, the first on the calling thread. What the
// architectures with a listening socket for each worker have in common; they differ in the worker.
#pragma once

#include <cerrno>
#include <cstddef>
#include <deque>
#include <memory>
#include <vector>

#include "base/error.h"
#include "servers/architecture.h"
#include "servers/listener.h"
#include "servers/thread_set.h"

namespace crossover {

// A Worker has AcceptFrom(Listener&, Counters&), which throws what the kernel refuses, and Run(),
// which serves until that listener is stopped and its last connection is done.
template <class Worker>
class PerCore : public Architecture {
 public:
  ~PerCore() override { threads_.Join(); }

  void Prepare(Listener& listener, Counters& /*counters*/) override {
    siblings_ = listener.Siblings(workers_.size() - 1);
  }

  // If a worker can't be started, those before it end with the listener's stop.
  void Serve(Listener& listener, Counters& counters) override {
    for (size_t i = 0; i < workers_.size(); ++i) {
      workers_[i].AcceptFrom(i == 0 ? listener : *siblings_[i - 1], counters);
    }
    for (size_t i = 1; i < workers_.size(); ++i) {
      if (threads_.Start([&worker = workers_[i]] { worker.Run(); })) continue;
      ThrowErrno("starting a worker", EAGAIN);
    }
    workers_[0].Run();
    threads_.Join();
  }

 protected:
  explicit PerCore(const ArchitectureOptions& options) : threads_(options.stack_bytes) {}

  // To be filled by the constructor.
  std::deque<Worker>& workers() { return workers_; }

 private:
  std::vector<std::unique_ptr<Listener>> siblings_;
  std::deque<Worker> workers_;
  ThreadSet threads_;
};

}  // namespace crossover
