// RunComparison: one run against another, cell by cell: what `crossover compare` finds.
//
// The runs are independent: Welch's t on the logarithms of the valid repetitions (two_sample.h),
// and Holm's correction over the cells. Two ratios are made of each cell: B / A as it stands, and
// the same relative to the baseline, (B / B's baseline) / (A / A's baseline), whose samples are the
// ratios within a repetition. What speeds up or slows down the whole machine between the runs
// cancels out of the second; so does what a change does to all architectures alike.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "harness/fingerprint.h"
#include "harness/metric.h"
#include "harness/run_report.h"
#include "harness/two_sample.h"

namespace crossover {

// Chance of any false finding in a comparison, and again of any false alarm of its gate.
inline constexpr double kRunComparisonLevel = 0.05;

enum class Judged { kAutomatic, kPlain, kRelative };

struct ComparedCell {
  std::string architecture;
  int64_t connections = 0;
  std::string workload;
  std::optional<double> a_median;
  std::optional<double> b_median;
  std::optional<TwoSampleRatio> plain;     // B / A; nullopt: nothing to compare
  std::optional<TwoSampleRatio> relative;  // to the baseline; nullopt also for the baseline itself
  std::string verdict;        // "slower", "no detectable difference", "not valid in A: noisy", ...
  bool judged = false;        // it is among the tests that Holm corrects for
  bool beyond_limit = false;  // worse, and shown to be so by more than the limit
};

struct RunComparison {
  const MetricSpec* metric = nullptr;
  Judged judged = Judged::kPlain;  // never automatic
  std::string baseline;            // of the relative ratios; empty: there are none
  std::optional<double> limit;     // 0.03: worse by more than 3 % is to be told
  std::vector<ComparedCell> cells;
  std::vector<std::string> only_in_a;  // "epoll-pool at 200 (hello)"
  std::vector<std::string> only_in_b;
  std::vector<Difference> environment;
  std::vector<Difference> settings;   // placement, load, options of an architecture
  std::vector<std::string> warnings;  // sentences, the gravest first
  size_t judged_cells = 0;
  size_t cells_beyond_limit = 0;
  size_t cells_maybe_beyond = 0;  // judged, and their intervals reach past the limit
};

// `metric`: the reports were read for it; lower or higher is better (checked). The baseline is the
// first architecture of A. The plain ratio is judged by default if the runs don't both have a
// baseline and another architecture. Throws UsageError if no cell is in both, or if the relative
// ratio is asked for and there is none. Pure.
RunComparison CompareRuns(const RunReport& a, const RunReport& b, const MetricSpec& metric,
                          Judged judged, std::optional<double> limit);

}  // namespace crossover
