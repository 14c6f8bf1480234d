// TimerQueue: deadlines in nanoseconds and who waits for them, the earliest first. It reads no
// clock: the time is told.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

namespace crossover {

// One thread at a time. A binary heap: O(log n) to arm, to disarm and to expire.
class TimerQueue {
 public:
  static constexpr int64_t kNever = std::numeric_limits<int64_t>::max();

  // Whoever waits is, or has, one. Not to be moved or destroyed while it is armed.
  class Timer {
   public:
    Timer() = default;
    Timer(const Timer&) = delete;
    Timer& operator=(const Timer&) = delete;
    bool armed() const { return place_ != kNowhere; }

   private:
    friend class TimerQueue;
    static constexpr size_t kNowhere = std::numeric_limits<size_t>::max();
    size_t place_ = kNowhere;  // in the heap
  };

  // An armed timer gets another deadline.
  void Arm(Timer& timer, int64_t deadline_ns);
  // Nothing if it isn't armed.
  void Disarm(Timer& timer);
  // Disarms the timer with the earliest deadline, if that is not after `now_ns`, and returns it;
  // null if none is due. Those of the same deadline come in any order.
  Timer* Expire(int64_t now_ns);
  // kNever if none is armed.
  int64_t next_deadline_ns() const { return heap_.empty() ? kNever : heap_.front().deadline_ns; }
  size_t size() const { return heap_.size(); }

 private:
  struct Entry {
    int64_t deadline_ns;
    Timer* timer;
  };

  void Put(size_t place, Entry entry);
  void Raise(size_t place, Entry entry);
  void Sink(size_t place, Entry entry);

  std::vector<Entry> heap_;
};

}  // namespace crossover
