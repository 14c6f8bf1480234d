// ReadyQueue: the ready connections of dispatch-pool, first come first served, and the workers that
// wait for them.
#pragma once

#include <sys/epoll.h>

#include <algorithm>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <optional>
#include <span>

#include "servers/connection.h"
#include "servers/epoll_events.h"
#include "servers/sanitizers.h"

namespace crossover {

struct ReadyConnection {
  Connection* connection;
  bool peer_closed;
};

// Any thread.
class ReadyQueue {
 public:
  // Takes in the connections of `events`; null stands for none. Returns how many workers are to be
  // woken by WakeOne(); that is done without the lock, which they want at once.
  size_t Push(std::span<const epoll_event> events) {
    const std::lock_guard lock(mutex_);
    for (const epoll_event& event : events) {
      if (event.data.ptr == nullptr) continue;
      NoteAcquire(event.data.ptr);
      queue_.push_back({static_cast<Connection*>(event.data.ptr), PeerClosed(event.events)});
    }
    return std::min(queue_.size(), idle_);
  }
  void WakeOne() { work_.notify_one(); }

  // Waits for the next; nothing if the queue is closed and empty.
  std::optional<ReadyConnection> Next() {
    std::unique_lock lock(mutex_);
    ++idle_;
    work_.wait(lock, [this] { return !queue_.empty() || done_; });
    --idle_;
    if (queue_.empty()) return {};
    const ReadyConnection ready = queue_.front();
    queue_.pop_front();
    return ready;
  }

  // Nothing will be pushed any more.
  void Close() {
    const std::lock_guard lock(mutex_);
    done_ = true;
    work_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable work_;
  std::deque<ReadyConnection> queue_;
  size_t idle_ = 0;    // workers that wait for work_
  bool done_ = false;  // nothing will be queued any more
};

}  // namespace crossover
