// Duet: two contenders alive side by side, loaded in turns, in slices of a fraction of a second.
// What disturbs the machine for longer than two slices disturbs both, and cancels in the ratio of a
// pair. (The idea is from "Duet Benchmarking", Bulej et al., ICPE 2020; here they take turns, so
// that they never compete for the CPU.)
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace crossover {

// What one contender did in the counted part of a slice. The server's readings are of a span of
// their own, since they take a moment; the load is the same in both.
struct DuetSlice {
  double verified = 0;  // responses
  double seconds = 0;   // in which
  double cpu_seconds = 0;
  std::optional<double> switches;  // voluntary and not
  double server_seconds = 0;       // in which those two
  bool late = false;               // the load was over when the server was read

  double throughput_rps() const { return verified / seconds; }
  double cpu_us_per_request() const {
    return cpu_seconds / server_seconds / throughput_rps() * 1e6;
  }
  // Something was done in it, and all of it is known.
  bool usable() const {
    return !late && verified > 0 && seconds > 0 && cpu_seconds > 0 && server_seconds > 0;
  }
};

struct DuetPair {
  DuetSlice own;
  DuetSlice baseline;
  bool baseline_first = false;
};

// One of the two. Loads the server for so long and returns when it stands idle again.
class DuetContender {
 public:
  virtual ~DuetContender() = default;
  virtual DuetSlice Play(int64_t duration_ns) = 0;
};

struct DuetRules {
  int64_t connections = 0;  // that have a request under way at a time
  int64_t slice_ns = 0;     // 0: by calibration
  size_t pairs_max = 0;
  int64_t time_limit_ns = 0;  // from the first slice on; looked at after each pair
  // Asked after each pair from kDuetPairsMin on; may be empty.
  std::function<bool(std::span<const DuetPair>)> enough;
  std::function<int64_t()> now_ns;
};

inline constexpr size_t kDuetPairsMin = 20;
inline constexpr size_t kDuetWarmUps = 3;  // pairs that are not counted
inline constexpr int64_t kSliceMinNs = 100'000'000;
inline constexpr int64_t kSliceMaxNs = 1'000'000'000;

struct DuetOutcome {
  int64_t slice_ns = 0;
  std::vector<DuetPair> pairs;
  size_t pairs_left_out = 0;  // not usable
  std::string ended_by;       // "pairs", "precision", "time_limit"
};

// Four mean latencies of the slower contender of `pair`, within the limits above: in a closed loop
// a mean latency is connections / throughput, and each connection should have its turn.
int64_t SliceNsFor(int64_t connections, const DuetPair& pair);

// Warm-up, which also finds the length of slices if that is not given, then pairs, the order turned
// around from one to the next, until one of the limits. What a contender throws is thrown on.
DuetOutcome PlayDuet(DuetContender& own, DuetContender& baseline, const DuetRules& rules);

}  // namespace crossover
