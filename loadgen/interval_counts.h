// IntervalCounts: how many events fell into each of the equal parts of a window.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace crossover {

struct Interval {
  int64_t end_ns = 0;  // CLOCK_MONOTONIC
  uint64_t count = 0;
};

// A window of unknown length is no trouble: when the slots are full, neighbours are merged and the
// parts become twice as wide. Times must not decrease. One thread; merged afterwards.
class IntervalCounts {
 public:
  static constexpr size_t kSlots = 64;

  void Start(int64_t start_ns, int64_t width_ns);
  // `at_ns` is not before the start. Allocates nothing.
  void Record(int64_t at_ns) {
    if (at_ns >= slot_end_ns_) [[unlikely]]
      MoveTo(at_ns);
    ++counts_[slot_];
  }

  // Both were started alike, or one of them never was.
  void Merge(const IntervalCounts& other);

  // The parts of a window that ended at `end_ns`, in order. A last part that is cut short by the
  // end is left out, unless it lacks less than 1 % of its width.
  std::vector<Interval> Whole(int64_t end_ns) const;

 private:
  void MoveTo(int64_t at_ns);
  void Widen();

  int64_t start_ns_ = 0;
  int64_t width_ns_ = 0;  // 0: not started
  int64_t slot_end_ns_ = 0;
  size_t slot_ = 0;
  std::array<uint64_t, kSlots> counts_{};
};

}  // namespace crossover
