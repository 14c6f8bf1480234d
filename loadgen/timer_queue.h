// TimerQueue: which connection is due next.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <queue>
#include <vector>

namespace crossover {

// A binary heap: 14 steps at 16,000 connections, within the second-level cache. One thread.
class TimerQueue {
 public:
  struct Timer {
    int64_t due_ns;
    uint32_t index;
    bool operator>(const Timer& other) const { return due_ns > other.due_ns; }
  };

  void Reserve(size_t timers) {
    std::vector<Timer> storage;
    storage.reserve(timers);
    heap_ = Heap(std::greater<>(), std::move(storage));
  }
  void Push(int64_t due_ns, uint32_t index) { heap_.push({due_ns, index}); }
  bool empty() const { return heap_.empty(); }
  // The one that is due first. Not if empty.
  const Timer& First() const { return heap_.top(); }
  void Pop() { heap_.pop(); }

 private:
  using Heap = std::priority_queue<Timer, std::vector<Timer>, std::greater<>>;
  Heap heap_;
};

}  // namespace crossover
