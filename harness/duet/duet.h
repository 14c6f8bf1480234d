// Duet: two contenders alive side by side, loaded in turns, in slices of a fraction of a second.
// What disturbs the machine for longer than two slices disturbs both, and cancels in the ratio of a
// pair. (The idea is from "Duet Benchmarking", Bulej et al., ICPE 2020; here they take turns, so
// that they never compete for the CPU.)
//
// What a process keeps for its life does not cancel, such as where its memory happens to lie: two
// processes of one program differ by 1 % and more, however long they run. So a duet is played in
// blocks, each with processes of its own, and it is the blocks that count as independent. (Georges
// et al., OOPSLA 2007; Kalibera and Jones, ISMM 2013.)
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
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
  size_t block = 0;  // from 0 on
};

// One of the two. Loads the server for so long and returns when it stands idle again.
class DuetContender {
 public:
  virtual ~DuetContender() = default;
  virtual DuetSlice Play(int64_t duration_ns) = 0;
};

// Both, alive.
class DuetContenders {
 public:
  virtual ~DuetContenders() = default;
  virtual DuetContender& own() = 0;
  virtual DuetContender& baseline() = 0;
  virtual void Stop() = 0;  // in peace; else they are killed at the end
};

// Starts new ones, in this order.
using StartContenders = std::function<std::unique_ptr<DuetContenders>(bool baseline_first)>;

struct DuetRules {
  int64_t connections = 0;  // that have a request under way at a time
  int64_t slice_ns = 0;     // 0: by calibration
  size_t pairs_max = 0;     // played, usable or not; only whole blocks are
  // How often these two had a duet before: with few blocks in each, orders turn from duet to duet.
  size_t repetition = 0;
  // Of everything. No block begins that would not be over by then, if it takes as long as the last;
  // the first is played whatever it takes.
  int64_t time_limit_ns = 0;
  // Asked after each block from kDuetBlocksMin on; may be empty.
  std::function<bool(std::span<const DuetPair>)> enough;
  std::function<int64_t()> now_ns;
};

inline constexpr size_t kDuetBlocksMin = 8;
// From so many on ranks are of use: their p can't be below 2^(1 - blocks), and it has to stand
// corrections for dozens of comparisons.
inline constexpr size_t kDuetRankBlocksMin = 12;
inline constexpr int64_t kSliceMinNs = 25'000'000;
inline constexpr int64_t kSliceMaxNs = 1'000'000'000;

struct DuetOutcome {
  int64_t slice_ns = 0;
  std::vector<DuetPair> pairs;
  size_t pairs_left_out = 0;  // not usable
  std::string ended_by;       // "pairs", "precision", "time_limit"
};

// Two mean latencies of the slower contender of `pair`, within the limits above: in a closed loop
// a mean latency is connections / throughput, and each connection should have its turn.
int64_t SliceNsFor(int64_t connections, const DuetPair& pair);

// A second of slices, in 2 to 18 pairs: a start takes time, and processes of one program differ, if
// by less than pairs do. Fewer if there would not be kDuetRankBlocksMin blocks otherwise.
size_t PairsPerBlock(int64_t slice_ns, size_t pairs_max);

// Blocks until one of the limits: contenders start, in turned order from one block to the next, and
// in the first block from one repetition to the next; a
// pair that isn't counted, in the first block after one more that finds the length of slices if
// that is not given; pairs, in turned order from one to the next. What a contender throws is thrown
// on.
DuetOutcome PlayDuet(const StartContenders& start, const DuetRules& rules);

}  // namespace crossover
