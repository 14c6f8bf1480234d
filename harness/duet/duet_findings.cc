#include "harness/duet/duet_findings.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <vector>

#include "base/json_node.h"
#include "base/limits.h"
#include "harness/statistics/clustered_signed_rank.h"
#include "harness/statistics/median.h"

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

// With two, Student's t would take an interval of 25 standard errors.
constexpr size_t kIntervalValuesMin = 3;

// Of logarithms of ratios.
PairedRatio RatioOf(const std::vector<double>& logs) {
  std::vector<double> ratios;
  for (const double log : logs) ratios.push_back(std::exp(log));
  PairedRatio ratio = ComparePairs(ratios, std::vector<double>(ratios.size(), 1.0));
  if (logs.size() < kIntervalValuesMin) ratio = {.ratio = ratio.ratio};
  return ratio;
}

// What the two halves of a duet say correlates by 0.155 (+-0.067; 216 duets of a server with
// itself, docs/decisions/0022): so n blocks tell as much as n / 1.155.
constexpr double kEffectiveShare = 1 / 1.155;

// Of blocks of such logarithms.
PairedRatio RatioOf(std::span<const std::vector<double>> blocks) {
  const ClusteredCentre found = LocateClusters(blocks, kEffectiveShare);
  return {.ratio = std::exp(found.centre),
          .interval95 = ConfidenceInterval{.low = std::exp(found.interval95.low),
                                           .high = std::exp(found.interval95.high)},
          .probability = found.probability};
}

constexpr std::string_view kSwitches = "context_switches_per_request";
// Of each slice some are the harness's, which stops the server to read it.
constexpr double kSwitchesMin = 20;

bool HasFewSwitches(std::span<const DuetPair> pairs) {
  std::vector<double> fewer;
  for (const DuetPair& pair : pairs) {
    fewer.push_back(std::min(pair.own.switches.value_or(0), pair.baseline.switches.value_or(0)));
  }
  return fewer.empty() || Median(fewer) < kSwitchesMin;
}

// Of before there were blocks all pairs are of one.
size_t BlockOf(const JsonNode& pair) {
  const auto block = pair.Find("block");
  return block ? static_cast<size_t>(block->Integer(0, std::numeric_limits<int32_t>::max())) : 0;
}

// By block: logarithms of the ratios of its pairs.
using RatiosByBlock = std::map<size_t, std::vector<double>>;

RatiosByBlock LogRatiosOf(std::span<const DuetPair> pairs, std::string_view metric) {
  RatiosByBlock logs;
  for (const DuetPair& pair : pairs) {
    const double own = MetricOf(pair.own, metric).value_or(0);
    const double baseline = MetricOf(pair.baseline, metric).value_or(0);
    if (own > 0 && baseline > 0) logs[pair.block].push_back(std::log(own / baseline));
  }
  return logs;
}

}  // namespace

json ToJson(const DuetOutcome& outcome) {
  json pairs = json::array();
  for (const DuetPair& pair : outcome.pairs) {
    pairs.push_back({{"own", ToJson(pair.own)},
                     {"baseline", ToJson(pair.baseline)},
                     {"baseline_first", pair.baseline_first},
                     {"block", pair.block}});
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
                        .baseline_first = node.Require("baseline_first").Bool(),
                        .block = BlockOf(node)};
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
  if (metric != kSwitches || !slice.switches) return std::nullopt;
  return *slice.switches / slice.server_seconds / slice.throughput_rps();
}

std::optional<DuetRatio> CompareBlocks(std::span<const std::vector<double>> blocks) {
  if (blocks.empty()) return std::nullopt;
  DuetRatio found;
  for (const std::vector<double>& logs : blocks) {
    found.pairs += logs.size();
    found.block_logs.push_back(Median(logs));
  }
  found.ratio = blocks.size() < kDuetRankBlocksMin ? RatioOf(found.block_logs) : RatioOf(blocks);
  return found;
}

std::optional<DuetRatio> CompareSlices(std::span<const DuetPair> pairs, std::string_view metric) {
  if (metric == kSwitches && HasFewSwitches(pairs)) return std::nullopt;
  std::vector<std::vector<double>> blocks;
  for (auto& [block, logs] : LogRatiosOf(pairs, metric)) blocks.push_back(std::move(logs));
  return CompareBlocks(blocks);
}

std::optional<DuetRatio> CompareDuets(std::span<const DuetOutcome> duets, std::string_view metric) {
  DuetRatio all;
  std::vector<double> logs;
  for (const DuetOutcome& duet : duets) {
    const auto found = CompareSlices(duet.pairs, metric);
    if (!found) continue;
    all.pairs += found->pairs;
    all.block_logs.insert(all.block_logs.end(), found->block_logs.begin(), found->block_logs.end());
    logs.push_back(std::log(found->ratio.ratio));
  }
  if (logs.empty()) return std::nullopt;
  all.ratio = RatioOf(logs);
  all.duets = logs.size();
  return all;
}

double Imprecision(const PairedRatio& ratio) {
  if (!ratio.interval95) return std::numeric_limits<double>::infinity();
  return std::log(ratio.interval95->high / ratio.interval95->low) / 2;
}

}  // namespace crossover
