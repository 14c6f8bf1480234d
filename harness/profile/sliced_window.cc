#include "harness/profile/sliced_window.h"

#include <algorithm>
#include <iterator>

namespace crossover {

void SlicedWindow::Switch(bool on) {
  if (on == on_) return;
  if (on) {
    instrument_.Enable();
  } else {
    instrument_.Disable();
  }
  on_ = on;
}

// In turns: on, off, off, on, and so on, so that a drift of the machine falls on both alike.
bool SlicedWindow::NextIsOn(int64_t now_ns) const {
  if (now_ns + 3 * kSliceNs / 2 > window_begin_ns_ + window_ns_) return false;  // the last one
  if (!instrument_.in_turns()) {
    const int64_t middle_ns = now_ns - window_begin_ns_ + kSliceNs / 2;  // of the next slice
    return middle_ns >= window_ns_ / 4 && middle_ns < 3 * window_ns_ / 4;
  }
  return !clock_ || slices_.size() % 4 == 0 || slices_.size() % 4 == 3;
}

// Of the two slices between one that is on and the next, in turns the second and the first.
bool SlicedWindow::NextHasCounters() const {
  if (on_ || !clock_ || !instrument_.in_turns()) return false;
  const size_t place = slices_.size() / 4 % 2 == 0 ? 2 : 1;
  return slices_.size() % 4 == place;
}

void SlicedWindow::Begin(int64_t now_ns) {
  begin_cpu_ns_ = cpu_ns_();
  clock_ = begin_cpu_ns_.has_value();
  window_begin_ns_ = now_ns;
  BeginSlice(now_ns);
}

void SlicedWindow::BeginSlice(int64_t now_ns) {
  begin_ns_ = now_ns;
  Switch(NextIsOn(now_ns));
  counters_ = NextHasCounters();
  if (counters_) read_counters_();
}

void SlicedWindow::EndSlice(int64_t now_ns, double requests, double seconds) {
  const auto cpu_ns = clock_ ? cpu_ns_() : std::nullopt;
  // The load's own interval is not exactly the slice: its rate holds for it.
  const double slice_seconds = static_cast<double>(now_ns - begin_ns_) / 1e9;
  slices_.push_back({.on = on_,
                     .counters = counters_,
                     .begin_ns = begin_ns_,
                     .end_ns = now_ns,
                     .cpu_ns = cpu_ns && begin_cpu_ns_ ? *cpu_ns - *begin_cpu_ns_ : -1,
                     .requests = seconds > 0 ? requests / seconds * slice_seconds : 0});
  begin_cpu_ns_ = cpu_ns;
  const bool was_on = on_;
  BeginSlice(now_ns);
  if (was_on) instrument_.Collect();
}

void SlicedWindow::Close() { Switch(false); }

std::vector<InstrumentSlice> SlicedWindow::SlicesOn() const {
  std::vector<InstrumentSlice> on;
  std::ranges::copy_if(slices_, std::back_inserter(on), &InstrumentSlice::on);
  return on;
}

}  // namespace crossover
