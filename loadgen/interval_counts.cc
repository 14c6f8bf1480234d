#include "loadgen/interval_counts.h"

#include <algorithm>

#include "base/check.h"

namespace crossover {

void IntervalCounts::Start(int64_t start_ns, int64_t width_ns) {
  CHECK(width_ns > 0);
  start_ns_ = start_ns;
  width_ns_ = width_ns;
  slot_end_ns_ = start_ns + width_ns;
  slot_ = 0;
  counts_.fill(0);
}

void IntervalCounts::Widen() {
  for (size_t i = 0; i < kSlots / 2; ++i) counts_[i] = counts_[2 * i] + counts_[2 * i + 1];
  std::fill(counts_.begin() + kSlots / 2, counts_.end(), 0);
  width_ns_ *= 2;
  slot_ /= 2;
}

void IntervalCounts::MoveTo(int64_t at_ns) {
  CHECK(width_ns_ > 0);
  while ((at_ns - start_ns_) / width_ns_ >= static_cast<int64_t>(kSlots)) Widen();
  slot_ = static_cast<size_t>((at_ns - start_ns_) / width_ns_);
  slot_end_ns_ = start_ns_ + static_cast<int64_t>(slot_ + 1) * width_ns_;
}

void IntervalCounts::Merge(const IntervalCounts& other) {
  if (other.width_ns_ == 0) return;
  if (width_ns_ == 0) {
    *this = other;
    return;
  }
  CHECK(start_ns_ == other.start_ns_);
  IntervalCounts aligned = other;
  while (aligned.width_ns_ < width_ns_) aligned.Widen();
  while (width_ns_ < aligned.width_ns_) Widen();
  CHECK(width_ns_ == aligned.width_ns_);
  for (size_t i = 0; i < kSlots; ++i) counts_[i] += aligned.counts_[i];
}

std::vector<Interval> IntervalCounts::Whole(int64_t end_ns) const {
  std::vector<Interval> intervals;
  if (width_ns_ == 0) return intervals;
  for (size_t i = 0; i < kSlots; ++i) {
    const int64_t begin_ns = start_ns_ + static_cast<int64_t>(i) * width_ns_;
    const int64_t covered_ns = std::min(end_ns - begin_ns, width_ns_);
    if (covered_ns <= 0 || covered_ns < width_ns_ - width_ns_ / 100) break;
    intervals.push_back({.end_ns = begin_ns + covered_ns, .count = counts_[i]});
  }
  return intervals;
}

}  // namespace crossover
