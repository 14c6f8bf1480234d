// RunQueue: fibres that are ready to run, first come first served; others may steal.
#pragma once

#include <atomic>
#include <cstddef>
#include <deque>
#include <mutex>
#include <span>
#include <vector>

namespace crossover {

class Fiber;

// Any thread. A mutex, not a lock-free deque: its owner nearly always finds it free, takes what a
// whole poll brought with one push, and is stolen from only by workers that have nothing to do.
class RunQueue {
 public:
  void Push(std::span<Fiber* const> fibers) {
    const std::lock_guard lock(mutex_);
    fibers_.insert(fibers_.end(), fibers.begin(), fibers.end());
    size_.store(fibers_.size());
  }

  // Null if it is empty.
  Fiber* Pop() {
    const std::lock_guard lock(mutex_);
    if (fibers_.empty()) return nullptr;
    Fiber* const first = fibers_.front();
    fibers_.pop_front();
    size_.store(fibers_.size());
    return first;
  }

  // Appends the first half, rounded up, to `loot`: those that have waited longest.
  void Steal(std::vector<Fiber*>& loot) {
    if (size() == 0) return;
    const std::lock_guard lock(mutex_);
    const auto end = fibers_.begin() + static_cast<std::ptrdiff_t>((fibers_.size() + 1) / 2);
    loot.insert(loot.end(), fibers_.begin(), end);
    fibers_.erase(fibers_.begin(), end);
    size_.store(fibers_.size());
  }

  // Sequentially consistent: see FiberScheduler's protocol of going to sleep.
  size_t size() const { return size_.load(); }

 private:
  std::mutex mutex_;
  std::deque<Fiber*> fibers_;
  std::atomic<size_t> size_{0};
};

}  // namespace crossover
