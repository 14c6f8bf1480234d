// SlicedWindow: switches an instrument on and off over the window of a trial, and keeps account of
// what the server did in each slice. In some of those without the instrument it has the counters of
// the throughput pass read, so that their cost is known, too.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "harness/profile/instrument.h"

namespace crossover {

// How long a slice is; the load generator tells of itself as often.
inline constexpr int64_t kSliceNs = 250'000'000;

// One thread.
class SlicedWindow {
 public:
  // `window_ns`: how long the window will be. Its last slice is off, and not told of: it ends when
  // the window does, and not by itself.
  // `cpu_ns`: the CPU time that the server has taken so far, nullopt if it can't be read quickly.
  // On and off by turns needs that; without, the instrument is on all the time. All outlive it.
  SlicedWindow(Instrument& instrument, int64_t window_ns,
               std::function<std::optional<double>()> cpu_ns, std::function<void()> read_counters)
      : instrument_(instrument),
        window_ns_(window_ns),
        cpu_ns_(std::move(cpu_ns)),
        read_counters_(std::move(read_counters)) {}

  // The window has opened.
  void Begin(int64_t now_ns);
  // The load generator has told of an interval that it ended just now: so many requests verified in
  // so many seconds.
  void EndSlice(int64_t now_ns, double requests, double seconds);
  // The window has closed. What was done since the last slice is in none.
  void Close();

  const std::vector<InstrumentSlice>& slices() const { return slices_; }
  std::vector<InstrumentSlice> SlicesOn() const;

 private:
  void BeginSlice(int64_t now_ns);
  void Switch(bool on);
  bool NextIsOn(int64_t now_ns) const;
  bool NextHasCounters() const;

  Instrument& instrument_;
  const int64_t window_ns_;
  std::function<std::optional<double>()> cpu_ns_;
  std::function<void()> read_counters_;
  std::vector<InstrumentSlice> slices_;
  bool on_ = false;
  bool counters_ = false;  // are read in this slice
  bool clock_ = false;     // the server's CPU time can be read
  int64_t window_begin_ns_ = 0;
  int64_t begin_ns_ = 0;
  std::optional<double> begin_cpu_ns_;
};

}  // namespace crossover
