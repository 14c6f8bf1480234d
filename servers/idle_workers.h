// IdleWorkers: the workers of worker-pool that have no connection, the last released first.
#pragma once

#include <algorithm>
#include <condition_variable>
#include <memory>
#include <vector>

#include "servers/connection.h"

namespace crossover {

struct PoolWorker {
  std::unique_ptr<Connection> connection;
  std::condition_variable wake;
};

// Under the pool's mutex, with which the workers wait.
class IdleWorkers {
 public:
  void Push(PoolWorker& worker) { idle_.push_back(&worker); }

  // False, and the connection stays the caller's, if no worker is idle.
  bool Give(std::unique_ptr<Connection>& connection) {
    if (idle_.empty()) return false;
    PoolWorker* const worker = idle_.back();
    idle_.pop_back();
    worker->connection = std::move(connection);
    worker->wake.notify_one();
    return true;
  }

  // One that was given nothing goes.
  void Remove(PoolWorker& worker) { idle_.erase(std::find(idle_.begin(), idle_.end(), &worker)); }

  void WakeAll() {
    for (PoolWorker* worker : idle_) worker->wake.notify_one();
  }

 private:
  std::vector<PoolWorker*> idle_;  // a stack: the last released is at the back
};

}  // namespace crossover
