// The live view: a few lines on a terminal that follow a run, and are gone when it has ended.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "loadgen/load_generator.h"

namespace crossover {

inline constexpr int64_t kLiveIntervalNs = 500 * kNsPerMs;

// What the view shows.
struct LiveState {
  static constexpr size_t kRatesMax = 60;

  LoadInterval::Phase phase = LoadInterval::Phase::kConnect;
  std::optional<int64_t> left_ns;           // of the phase, if its end is known
  std::optional<uint64_t> requests_wanted;  // of the window, if it ends with so many
  Ledger ledger;
  uint64_t in_flight = 0;
  // Over the last second, or the last interval if that is longer.
  double recent_seconds = 0;
  uint64_t recent_verified = 0;
  Histogram recent_latency;
  std::deque<double> rates_rps;  // of the last intervals that were whole, oldest first
};

// `state` as at most five lines of UTF-8 without newlines or escape codes, each at most `width`
// characters long: what doesn't fit is cut off.
std::vector<std::string> LiveLines(const LiveState& state, size_t width);

// Keeps a LiveState up to date. One thread.
class LiveHistory {
 public:
  explicit LiveHistory(const LoadOptions& options);
  // The phase is that of the last event: an interval comes when it is over.
  void Add(const LoadEvent& event);
  void Add(const LoadInterval& interval);
  const LiveState& state() const { return state_; }

 private:
  static constexpr int64_t kUnknown = std::numeric_limits<int64_t>::max();
  struct Recent {
    double seconds;
    uint64_t verified;
    Histogram latency;
  };
  void SetLeft(int64_t now_ns);

  const LoadOptions options_;
  int64_t phase_end_ns_ = kUnknown;
  std::deque<Recent> recent_;
  LiveState state_;
};

// Draws it on a terminal: each picture replaces the one before it, with one write. The cursor stays
// visible, below the picture, so that there is nothing to restore however the process ends. One
// thread, one view in a process: it handles SIGCONT.
class LiveView {
 public:
  // `fd`: a terminal; not owned.
  LiveView(int fd, const LoadOptions& options);
  LiveView(const LiveView&) = delete;
  LiveView& operator=(const LiveView&) = delete;
  ~LiveView();

  // Draws nothing, but keeps what it is told, while the terminal takes no output (Ctrl-S) or the
  // process is in the background.
  void Show(const LoadEvent& event);
  void Show(const LoadInterval& interval);
  // Leaves the terminal as it was.
  void Erase();

 private:
  void Draw();
  void Write(const std::string& text);

  const int fd_;
  LiveHistory history_;
  size_t lines_drawn_ = 0;
};

// Whether `fd` is a terminal that can move its cursor.
bool CanShowLive(int fd);

}  // namespace crossover
