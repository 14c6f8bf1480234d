#include "harness/duet/duet.h"

#include <algorithm>

namespace crossover {
namespace {

constexpr int64_t kFirstSliceNs = 200'000'000;
constexpr double kLatenciesPerSlice = 4;

DuetPair PlayPair(DuetContender& own, DuetContender& baseline, bool baseline_first,
                  int64_t slice_ns) {
  DuetPair pair;
  pair.baseline_first = baseline_first;
  if (baseline_first) pair.baseline = baseline.Play(slice_ns);
  pair.own = own.Play(slice_ns);
  if (!baseline_first) pair.baseline = baseline.Play(slice_ns);
  return pair;
}

// Why there is enough, or nothing.
std::string EndedBy(const DuetRules& rules, const std::vector<DuetPair>& pairs,
                    int64_t deadline_ns) {
  if (pairs.size() >= kDuetPairsMin && rules.enough && rules.enough(pairs)) return "precision";
  if (pairs.size() >= rules.pairs_max) return "pairs";
  return rules.now_ns() >= deadline_ns ? "time_limit" : "";
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

DuetOutcome PlayDuet(DuetContender& own, DuetContender& baseline, const DuetRules& rules) {
  const int64_t deadline_ns = rules.now_ns() + rules.time_limit_ns;
  DuetOutcome outcome;
  outcome.slice_ns = rules.slice_ns > 0 ? rules.slice_ns : kFirstSliceNs;
  bool baseline_first = false;
  const auto play = [&] {
    baseline_first = !baseline_first;
    return PlayPair(own, baseline, baseline_first, outcome.slice_ns);
  };
  for (size_t i = 0; i < kDuetWarmUps; ++i) {
    const DuetPair pair = play();
    if (rules.slice_ns == 0) outcome.slice_ns = SliceNsFor(rules.connections, pair);
  }
  while (outcome.ended_by.empty()) {
    const DuetPair pair = play();
    if (pair.own.usable() && pair.baseline.usable()) {
      outcome.pairs.push_back(pair);
    } else {
      ++outcome.pairs_left_out;
    }
    outcome.ended_by = EndedBy(rules, outcome.pairs, deadline_ns);
  }
  return outcome;
}

}  // namespace crossover
