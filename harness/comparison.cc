#include "harness/comparison.h"

#include <algorithm>
#include <array>
#include <iterator>

#include "harness/duet/duet_findings.h"
#include "harness/metric.h"
#include "harness/statistics/holm.h"

namespace crossover {
namespace {

constexpr std::array<std::string_view, 5> kComparedMetrics = {
    "cpu_us_per_request", "context_switches_per_request", "throughput_rps", "latency_us_p99",
    "memory_bytes_per_connection"};

std::optional<double> ValidValue(const TrialRecord* trial, std::string_view metric) {
  if (trial == nullptr || !trial->verdict.valid()) return std::nullopt;
  return MetricOf(trial->metrics, metric);
}

// Whether there was a duet that compares the metric.
bool CompareByDuet(const Cell& cell, Comparison& comparison) {
  if (std::ranges::find(kDuetMetrics, comparison.metric) == kDuetMetrics.end()) return false;
  comparison.no_duet = cell.no_duet;
  if (cell.duets.empty()) return false;
  std::vector<DuetOutcome> outcomes;
  for (const TrialRecord* duet : cell.duets) {
    outcomes.push_back(DuetOutcomeFromJson(duet->findings));
  }
  const auto found = cell.repeats_duets ? CompareDuets(outcomes, comparison.metric)
                                        : CompareSlices(outcomes.front().pairs, comparison.metric);
  if (!found || !found->ratio.interval95) {
    comparison.no_duet =
        "fewer than three " +
        std::string(cell.repeats_duets ? "of its duets" : "blocks of its duet") +
        " have both values" +
        (comparison.metric == "context_switches_per_request" ? ", of 20 switches a slice and more"
                                                             : "");
    return false;
  }
  comparison.ratio = found->ratio;
  comparison.pairs = found->pairs;
  comparison.duets = found->duets;
  comparison.blocks = found->blocks();
  return true;
}

Comparison Compare(const Cell& cell, const Cell& baseline, std::string_view metric) {
  Comparison comparison;
  comparison.metric = metric;
  comparison.connections = cell.connections;
  comparison.workload = cell.workload;
  comparison.architecture = cell.architecture;
  comparison.baseline = baseline.architecture;
  comparison.duet = CompareByDuet(cell, comparison);
  if (comparison.duet) return comparison;
  std::vector<double> numerators;
  std::vector<double> denominators;
  for (size_t i = 0; i < cell.repetitions.size(); ++i) {
    const std::optional<double> own = ValidValue(cell.repetitions[i], metric);
    const std::optional<double> other = ValidValue(baseline.repetitions[i], metric);
    if (!own || !other) continue;
    if (*own <= 0 || *other <= 0) {
      ++comparison.pairs_not_positive;
      continue;
    }
    numerators.push_back(*own);
    denominators.push_back(*other);
  }
  comparison.pairs = numerators.size();
  if (comparison.pairs > 0) comparison.ratio = ComparePairs(numerators, denominators);
  return comparison;
}

const Cell* BaselineOf(const std::vector<Cell>& cells, const Cell& cell,
                       const std::string& baseline) {
  const auto found = std::ranges::find_if(cells, [&](const Cell& other) {
    return other.architecture == baseline && other.connections == cell.connections &&
           other.workload == cell.workload;
  });
  return found == cells.end() ? nullptr : &*found;
}

// The comparisons of one metric: the family over which Holm corrects.
std::vector<Comparison> CompareMetric(const std::vector<Cell>& cells, const std::string& baseline,
                                      std::string_view metric) {
  std::vector<Comparison> comparisons;
  std::vector<double> probabilities;
  for (const Cell& cell : cells) {
    if (cell.architecture == baseline) continue;
    const Cell* other = BaselineOf(cells, cell, baseline);
    if (other == nullptr) continue;
    Comparison comparison = Compare(cell, *other, metric);
    if (!comparison.duet && !(cell.valid && other->valid)) continue;
    if (comparison.pairs == 0 && comparison.pairs_not_positive == 0) continue;
    if (comparison.ratio.interval95) probabilities.push_back(comparison.ratio.probability);
    comparisons.push_back(std::move(comparison));
  }
  const std::vector<bool> detected = HolmRejections(probabilities, kComparisonLevel);
  auto rejected = detected.begin();
  for (Comparison& comparison : comparisons) {
    if (comparison.ratio.interval95) comparison.detected = *rejected++;
  }
  return comparisons;
}

}  // namespace

std::span<const std::string_view> ComparedMetrics() { return kComparedMetrics; }

std::string VerdictInWords(const Comparison& comparison) {
  if (!comparison.ratio.interval95) return "too few pairs to compare";
  if (!comparison.detected) return "no detectable difference";
  return comparison.ratio.ratio > 1 ? "higher" : "lower";
}

std::vector<Comparison> CompareCells(const std::vector<Cell>& cells, const std::string& baseline) {
  std::vector<Comparison> comparisons;
  for (const std::string_view metric : kComparedMetrics) {
    std::ranges::move(CompareMetric(cells, baseline, metric), std::back_inserter(comparisons));
  }
  return comparisons;
}

nlohmann::ordered_json ToJson(const Comparison& comparison) {
  nlohmann::ordered_json entry = {{"metric", comparison.metric},
                                  {"connections", comparison.connections},
                                  {"workload", comparison.workload},
                                  {"architecture", comparison.architecture},
                                  {"baseline", comparison.baseline}};
  entry["ratio"] = nullptr;
  entry["ci95_low"] = nullptr;
  entry["ci95_high"] = nullptr;
  if (comparison.pairs > 0) entry["ratio"] = comparison.ratio.ratio;
  if (comparison.ratio.interval95) {
    entry["ci95_low"] = comparison.ratio.interval95->low;
    entry["ci95_high"] = comparison.ratio.interval95->high;
  }
  entry["pairs"] = comparison.pairs;
  if (comparison.duet) {
    entry["duets"] = comparison.duets;
    entry["blocks"] = comparison.blocks;
  }
  entry["method"] = comparison.duet ? "duet" : "interleaved";
  if (!comparison.no_duet.empty()) entry["no_duet"] = comparison.no_duet;
  entry["verdict"] = VerdictInWords(comparison);
  return entry;
}

}  // namespace crossover
