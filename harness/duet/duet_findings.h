// What a duet found: its pairs as lines of trials.jsonl keep them, and the ratios that follow.
#pragma once

#include <array>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "harness/duet/duet.h"
#include "harness/statistics/paired_ratio.h"

namespace crossover {

nlohmann::json ToJson(const DuetOutcome& outcome);
// The inverse. Throws UsageError for anything else.
DuetOutcome DuetOutcomeFromJson(const nlohmann::json& findings);

// What a duet compares.
inline constexpr std::array<std::string_view, 3> kDuetMetrics = {
    "cpu_us_per_request", "throughput_rps", "context_switches_per_request"};

// One of kDuetMetrics of a usable slice; nullopt for any other, and for what was not read.
std::optional<double> MetricOf(const DuetSlice& slice, std::string_view metric);

struct DuetRatio {
  PairedRatio ratio;               // own / baseline; without an interval, and with p = 1, of few
  size_t pairs = 0;                // in which both have a value above 0
  std::vector<double> block_logs;  // of each block that has such pairs: the median logarithm
  size_t duets = 1;                // in which they are

  size_t blocks() const { return block_logs.size(); }
};

// Of each block the logarithms of its pairs' ratios, one at least. From kDuetRankBlocksMin blocks
// on by signed ranks with Cauchy scores of all pairs, summed by block: a disturbance makes some
// pairs wild, and these count for little. With fewer that could find nothing: Student's t over the
// blocks, of each the median. Pure. nullopt if there is no block.
std::optional<DuetRatio> CompareBlocks(std::span<const std::vector<double>> blocks);

// The same of a duet's pairs. Pure. nullopt if no pair has the metric, and for switches of which a
// slice has few: some are of the harness.
std::optional<DuetRatio> CompareSlices(std::span<const DuetPair> pairs, std::string_view metric);

// The same of several duets of the same two, each at another time of a run: Student's t over the
// duets' ratios, since blocks that follow each other share the state of the machine. Pure.
std::optional<DuetRatio> CompareDuets(std::span<const DuetOutcome> duets, std::string_view metric);

// Half the width of the ratio's 95 % interval, on logarithms: 0.02 is about 2 % to each side.
// Infinite if there is no interval.
double Imprecision(const PairedRatio& ratio);

}  // namespace crossover
