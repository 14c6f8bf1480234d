#include "harness/duet/duet.h"

#include <algorithm>
#include <utility>

namespace crossover {
namespace {

constexpr int64_t kFirstSliceNs = 200'000'000;
constexpr double kLatenciesPerSlice = 2;
constexpr int64_t kBlockNs = 1'000'000'000;  // of slices
constexpr int64_t kBlockPairsMin = 2;
constexpr int64_t kBlockPairsMax = 18;

class Player {
 public:
  explicit Player(const DuetRules& rules) : rules_(rules) {
    outcome_.slice_ns = rules.slice_ns > 0 ? rules.slice_ns : kFirstSliceNs;
  }

  DuetOutcome Play(const StartContenders& start);

 private:
  // Returns how long it took to find the length of slices, which no further block does.
  int64_t PlayBlock(DuetContenders& contenders);
  DuetPair PlayPair(DuetContenders& contenders);
  std::string EndedBy(bool time_is_up) const;
  bool IsEven() const { return (rules_.repetition + block_) % 2 == 0; }
  size_t played() const { return outcome_.pairs.size() + outcome_.pairs_left_out; }

  const DuetRules& rules_;
  DuetOutcome outcome_;
  size_t block_ = 0;  // and how many there were
  bool baseline_first_ = false;
};

DuetOutcome Player::Play(const StartContenders& start) {
  const int64_t deadline_ns = rules_.now_ns() + rules_.time_limit_ns;
  while (outcome_.ended_by.empty()) {
    int64_t begin_ns = rules_.now_ns();
    const auto contenders = start(/*baseline_first=*/IsEven());
    begin_ns += PlayBlock(*contenders);
    contenders->Stop();
    ++block_;
    const int64_t end_ns = rules_.now_ns();
    outcome_.ended_by = EndedBy(deadline_ns - end_ns < end_ns - begin_ns);
  }
  return std::move(outcome_);
}

int64_t Player::PlayBlock(DuetContenders& contenders) {
  const int64_t begin_ns = rules_.now_ns();
  if (block_ == 0 && rules_.slice_ns == 0) {
    outcome_.slice_ns = SliceNsFor(rules_.connections, PlayPair(contenders));
  }
  const int64_t finding_ns = rules_.now_ns() - begin_ns;
  // An odd number of pairs has one order once more than the other: in turn this one and that.
  baseline_first_ = IsEven();
  PlayPair(contenders);  // warms up
  for (size_t i = PairsPerBlock(outcome_.slice_ns, rules_.pairs_max); i > 0; --i) {
    const DuetPair pair = PlayPair(contenders);
    if (pair.own.usable() && pair.baseline.usable()) {
      outcome_.pairs.push_back(pair);
    } else {
      ++outcome_.pairs_left_out;
    }
  }
  return finding_ns;
}

DuetPair Player::PlayPair(DuetContenders& contenders) {
  DuetPair pair;
  baseline_first_ = !baseline_first_;
  pair.baseline_first = baseline_first_;
  pair.block = block_;
  if (pair.baseline_first) pair.baseline = contenders.baseline().Play(outcome_.slice_ns);
  pair.own = contenders.own().Play(outcome_.slice_ns);
  if (!pair.baseline_first) pair.baseline = contenders.baseline().Play(outcome_.slice_ns);
  return pair;
}

// Why there is enough, or nothing.
std::string Player::EndedBy(bool time_is_up) const {
  if (block_ >= kDuetBlocksMin && rules_.enough && rules_.enough(outcome_.pairs)) {
    return "precision";
  }
  const size_t next = PairsPerBlock(outcome_.slice_ns, rules_.pairs_max);
  if (played() + next > rules_.pairs_max) return "pairs";
  return time_is_up ? "time_limit" : "";
}

}  // namespace

int64_t SliceNsFor(int64_t connections, const DuetPair& pair) {
  const auto rate = [](const DuetSlice& slice) {
    return slice.seconds > 0 ? slice.throughput_rps() : 0;
  };
  const double slower_rps = std::min(rate(pair.own), rate(pair.baseline));
  const double wanted_ns = kLatenciesPerSlice * static_cast<double>(connections) * 1e9;
  // Compared before it is divided: the rate may be 0.
  if (wanted_ns >= slower_rps * static_cast<double>(kSliceMaxNs)) return kSliceMaxNs;
  return std::max(static_cast<int64_t>(wanted_ns / slower_rps), kSliceMinNs);
}

size_t PairsPerBlock(int64_t slice_ns, size_t pairs_max) {
  const auto pairs =
      static_cast<size_t>(std::clamp(kBlockNs / (2 * slice_ns), kBlockPairsMin, kBlockPairsMax));
  return std::clamp<size_t>(pairs_max / kDuetRankBlocksMin, 1, pairs);
}

DuetOutcome PlayDuet(const StartContenders& start, const DuetRules& rules) {
  return Player(rules).Play(start);
}

}  // namespace crossover
