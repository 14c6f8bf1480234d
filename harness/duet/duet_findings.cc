#include "harness/duet/duet_findings.h"

#include <cmath>
#include <limits>
#include <vector>

#include "base/json_node.h"
#include "base/limits.h"
#include "harness/statistics/paired_summary.h"

namespace crossover {
namespace {

using nlohmann::json;

json ToJson(const DuetSlice& slice) {
  return {{"verified", slice.verified},
          {"seconds", slice.seconds},
          {"cpu_seconds", slice.cpu_seconds},
          {"switches", slice.switches ? json(*slice.switches) : json(nullptr)},
          {"server_seconds", slice.server_seconds}};
}

DuetSlice SliceFrom(const JsonNode& node) {
  const auto number = [&](std::string_view key) { return node.Require(key).Number(); };
  const JsonNode switches = node.Require("switches");
  return {.verified = number("verified"),
          .seconds = number("seconds"),
          .cpu_seconds = number("cpu_seconds"),
          .switches = switches.value().is_null() ? std::nullopt : std::optional(switches.Number()),
          .server_seconds = number("server_seconds")};
}

// Slices follow each other closely, and what disturbs one may disturb the next: from so many pairs
// on, that is estimated and allowed for.
constexpr size_t kSerialPairsMin = 10;

}  // namespace

json ToJson(const DuetOutcome& outcome) {
  json pairs = json::array();
  for (const DuetPair& pair : outcome.pairs) {
    pairs.push_back({{"own", ToJson(pair.own)},
                     {"baseline", ToJson(pair.baseline)},
                     {"baseline_first", pair.baseline_first}});
  }
  return {{"slice_ns", outcome.slice_ns},
          {"pairs", std::move(pairs)},
          {"pairs_left_out", outcome.pairs_left_out},
          {"ended_by", outcome.ended_by}};
}

DuetOutcome DuetOutcomeFromJson(const json& findings) {
  const JsonNode root(findings, "a duet's findings");
  DuetOutcome outcome;
  outcome.slice_ns = root.Require("slice_ns").Integer(0, limits::kDurationMaxNs);
  for (const JsonNode& node : root.Require("pairs").Elements()) {
    const DuetPair pair{.own = SliceFrom(node.Require("own")),
                        .baseline = SliceFrom(node.Require("baseline")),
                        .baseline_first = node.Require("baseline_first").Bool()};
    if (!pair.own.usable() || !pair.baseline.usable()) node.Refuse("must have numbers above 0");
    outcome.pairs.push_back(pair);
  }
  outcome.pairs_left_out = static_cast<size_t>(
      root.Require("pairs_left_out").Integer(0, std::numeric_limits<int32_t>::max()));
  outcome.ended_by = root.Require("ended_by").String();
  return outcome;
}

std::optional<double> MetricOf(const DuetSlice& slice, std::string_view metric) {
  if (metric == "cpu_us_per_request") return slice.cpu_us_per_request();
  if (metric == "throughput_rps") return slice.throughput_rps();
  if (metric != "context_switches_per_request" || !slice.switches) return std::nullopt;
  return *slice.switches / slice.server_seconds / slice.throughput_rps();
}

std::optional<DuetRatio> CompareSlices(std::span<const DuetPair> pairs, std::string_view metric) {
  std::vector<double> own;
  std::vector<double> baseline;
  for (const DuetPair& pair : pairs) {
    const double of_own = MetricOf(pair.own, metric).value_or(0);
    const double of_baseline = MetricOf(pair.baseline, metric).value_or(0);
    if (of_own <= 0 || of_baseline <= 0) continue;
    own.push_back(of_own);
    baseline.push_back(of_baseline);
  }
  if (own.empty()) return std::nullopt;
  DuetRatio found{.ratio = ComparePairs(own, baseline), .pairs = own.size()};
  if (own.size() < kSerialPairsMin) return found;
  const PairedSummary summary = SummarisePairs(own, baseline);
  found.ratio.ratio = summary.ratio;
  found.ratio.interval95 = summary.interval95;
  found.ratio.probability = summary.probability;
  return found;
}

double Imprecision(const PairedRatio& ratio) {
  if (!ratio.interval95) return std::numeric_limits<double>::infinity();
  return std::log(ratio.interval95->high / ratio.interval95->low) / 2;
}

}  // namespace crossover
