// worker-pool
//
//   acceptor --accept--> pops the worker released last --wakes it--> [ recv -> session -> send ]*
//                        (none idle: starts one)                     connection closed: pushes
//                        itself
//
// Workers are kept on a stack and the most recently released one is taken first, while its stack
// and caches are warm; one that was idle for 10 s goes. A worker keeps its connection until it
// closes: so with keep-alive there are as many workers as connections, and it degenerates into
// thread-per-connection. It saves the creation of a thread where connections are short, and pays a
// lock and a wake-up for the hand-over. At its limit it refuses (503 unread), queues, or grows.
// In production: fasthttp (Go), whose policy this is: LIFO, 10 s, 262,144, no queue. Valyala, 2015.

#include <chrono>
#include <deque>
#include <mutex>

#include "servers/architecture.h"
#include "servers/idle_workers.h"
#include "servers/thread_set.h"

namespace crossover {
namespace {

class WorkerPool : public Architecture {
 public:
  explicit WorkerPool(const ArchitectureOptions& options)
      : limit_(options.workers_max),
        overflow_(options.overflow),
        idle_max_(options.worker_idle_ns),
        threads_(options.stack_bytes) {}

  void Serve(Listener& listener, Counters& counters) override {
    while (auto connection = listener.Accept(SocketMode::kBlocking)) {
      if (!Place(connection, counters)) listener.Reject(std::move(connection));
    }
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
      idle_.WakeAll();
    }
    threads_.Join();
  }

 private:
  // Gives the connection to a worker, or to the queue. False, and the connection stays the
  // caller's, if it must be refused.
  bool Place(std::unique_ptr<Connection>& connection, Counters& counters) {
    {
      const std::lock_guard lock(mutex_);
      if (idle_.Give(connection)) return true;
      if (workers_ >= limit_ && overflow_ == Overflow::kReject) return false;
      if (workers_ >= limit_ && overflow_ == Overflow::kQueue) {
        queue_.push_back(std::move(connection));
        return true;
      }
      ++workers_;
    }
    Connection* const first = connection.get();
    if (threads_.Start([this, first] { Work(std::unique_ptr<Connection>(first)); })) {
      static_cast<void>(connection.release());  // the thread owns it now
      return true;
    }
    counters.thread_failures.fetch_add(1, std::memory_order_relaxed);
    const std::lock_guard lock(mutex_);
    --workers_;
    if (idle_.Give(connection)) return true;  // one has come back meanwhile
    if (overflow_ != Overflow::kQueue || workers_ == 0) return false;
    queue_.push_back(std::move(connection));
    return true;
  }

  void Work(std::unique_ptr<Connection> connection) {
    PoolWorker self;
    while (connection) {
      connection->Run();
      connection.reset();
      connection = Next(self);
    }
  }

  // The worker's next connection; null if it is to end, and is then no longer counted.
  std::unique_ptr<Connection> Next(PoolWorker& self) {
    std::unique_lock lock(mutex_);
    if (!queue_.empty()) {
      auto connection = std::move(queue_.front());
      queue_.pop_front();
      return connection;
    }
    if (workers_ <= limit_ && !stopping_) {
      idle_.Push(self);
      self.wake.wait_for(lock, idle_max_, [&] { return self.connection || stopping_; });
      if (self.connection) return std::move(self.connection);
      idle_.Remove(self);
    }
    --workers_;
    return nullptr;
  }

  const size_t limit_;
  const Overflow overflow_;
  const std::chrono::nanoseconds idle_max_;

  std::mutex mutex_;
  IdleWorkers idle_;
  std::deque<std::unique_ptr<Connection>> queue_;
  size_t workers_ = 0;
  bool stopping_ = false;

  ThreadSet threads_;
};

}  // namespace

std::unique_ptr<Architecture> MakeWorkerPool(const ArchitectureOptions& options) {
  return std::make_unique<WorkerPool>(options);
}

}  // namespace crossover
