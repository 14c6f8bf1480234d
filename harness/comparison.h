// Comparisons: every architecture against the baseline, the experiment's first one, at the same
// connections and workload.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "harness/cell.h"
#include "harness/statistics/paired_ratio.h"

namespace crossover {

inline constexpr double kComparisonLevel = 0.05;  // chance of any false finding in a metric

// The metrics that are compared, the most telling first. server_requests_per_cpu_second is not
// among them: it is the inverse of cpu_us_per_request.
std::span<const std::string_view> ComparedMetrics();

struct Comparison {
  std::string metric;
  int64_t connections = 0;
  std::string workload;
  std::string architecture;
  std::string baseline;
  PairedRatio ratio;              // architecture / baseline
  bool duet = false;              // pairs of slices; else of whole trials, interleaved
  std::string no_duet;            // why not, if one was asked for and compares this metric
  size_t pairs = 0;               // repetitions that are valid (or slices), positive on both sides
  size_t duets = 0;               // that the pairs are from
  size_t blocks = 0;              // of the duets, in which their pairs are
  size_t pairs_not_positive = 0;  // left out: a ratio with 0 has no logarithm
  bool detected = false;          // after Holm's correction over the comparisons of this metric
};

// "higher", "lower" (the metric's value), "no detectable difference", or, with fewer than two
// pairs, "too few pairs to compare"; those are not among the tests that Holm corrects for.
std::string VerdictInWords(const Comparison& comparison);

// All comparisons for which both sides have values of the same repetition; of a duet's pairs
// instead where there was one that has the metric. A duet stands on its own; the whole trials of
// cells that are not valid are not compared. By metric, then workload, connections and architecture
// in the cells' order.
std::vector<Comparison> CompareCells(const std::vector<Cell>& cells, const std::string& baseline);

nlohmann::ordered_json ToJson(const Comparison& comparison);

}  // namespace crossover
