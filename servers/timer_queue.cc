#include "servers/timer_queue.h"

namespace crossover {

void TimerQueue::Arm(Timer& timer, int64_t deadline_ns) {
  Disarm(timer);
  heap_.emplace_back();
  Raise(heap_.size() - 1, {deadline_ns, &timer});
}

void TimerQueue::Disarm(Timer& timer) {
  if (!timer.armed()) return;
  const size_t place = timer.place_;
  timer.place_ = Timer::kNowhere;
  const Entry last = heap_.back();
  heap_.pop_back();
  if (place == heap_.size()) return;  // it was the last
  // The last one takes the place, from where it belongs higher or lower.
  if (place > 0 && last.deadline_ns < heap_[(place - 1) / 2].deadline_ns) {
    Raise(place, last);
  } else {
    Sink(place, last);
  }
}

TimerQueue::Timer* TimerQueue::Expire(int64_t now_ns) {
  if (heap_.empty() || heap_.front().deadline_ns > now_ns) return nullptr;
  Timer* const timer = heap_.front().timer;
  Disarm(*timer);
  return timer;
}

void TimerQueue::Put(size_t place, Entry entry) {
  heap_[place] = entry;
  entry.timer->place_ = place;
}

// `place` is free; the entry goes there or above.
void TimerQueue::Raise(size_t place, Entry entry) {
  while (place > 0) {
    const size_t parent = (place - 1) / 2;
    if (heap_[parent].deadline_ns <= entry.deadline_ns) break;
    Put(place, heap_[parent]);
    place = parent;
  }
  Put(place, entry);
}

// `place` is free; the entry goes there or below.
void TimerQueue::Sink(size_t place, Entry entry) {
  while (true) {
    size_t child = 2 * place + 1;
    if (child >= heap_.size()) break;
    if (child + 1 < heap_.size() && heap_[child + 1].deadline_ns < heap_[child].deadline_ns) {
      ++child;
    }
    if (entry.deadline_ns <= heap_[child].deadline_ns) break;
    Put(place, heap_[child]);
    place = child;
  }
  Put(place, entry);
}

}  // namespace crossover
