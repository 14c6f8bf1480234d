#include "harness/search/contest.h"

#include <algorithm>
#include <array>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "harness/conversation.h"
#include "harness/duet/duet_findings.h"

namespace crossover {
namespace {

constexpr std::array<ContestMetric, 4> kMetrics = {{
    {"cpu", "cpu_us_per_request", "CPU per request"},
    {"throughput", "throughput_rps", "throughput"},
    {"p50", "latency_us_p50", "median latency"},
    {"p99", "latency_us_p99", "99th-percentile latency"},
}};
constexpr size_t kTrialPairsMin = 8;
constexpr size_t kTrialPairsMax = 50;

double ReadTrial(Rig& rig, const Experiment& experiment, size_t architecture,
                 const ContestMetric& metric, std::map<std::string, size_t>& not_valid) {
  const TrialRecord record = rig.Run(
      experiment, {.architecture = architecture, .connections = experiment.connections.front()});
  const auto value = MetricOf(record.metrics, metric.metric);
  if (!record.verdict.valid()) ++not_valid[record.verdict.reasons.front().code];
  if (value.value_or(0) > 0) return *value;
  const std::string& label = experiment.architectures[architecture].label;
  throw TrialFailure("a trial of " + label + " at " +
                     std::to_string(experiment.connections.front()) + " connections gave no " +
                     std::string(metric.noun) +
                     (record.verdict.valid() ? "" : ": " + record.verdict.reasons.front().detail));
}

ContestResult TakeTurns(Rig& rig, const Experiment& experiment, const ContestMetric& metric) {
  std::vector<double> own;
  std::vector<double> baseline;
  const int64_t deadline_ns = MonotonicNs() + experiment.duet->time_limit_ns;
  ContestResult result{
      .ratio = {}, .pairs = 0, .method = "interleaved", .why_no_duet = {}, .not_valid = {}};
  while (result.pairs < kTrialPairsMin ||
         (MonotonicNs() < deadline_ns && result.pairs < kTrialPairsMax &&
          Imprecision(result.ratio) > experiment.duet->precision)) {
    const bool baseline_first = result.pairs % 2 == 0;
    if (baseline_first) baseline.push_back(ReadTrial(rig, experiment, 0, metric, result.not_valid));
    own.push_back(ReadTrial(rig, experiment, 1, metric, result.not_valid));
    if (!baseline_first)
      baseline.push_back(ReadTrial(rig, experiment, 0, metric, result.not_valid));
    result.pairs = own.size();
    result.ratio = ComparePairs(own, baseline);
  }
  return result;
}

}  // namespace

const ContestMetric& FindContestMetric(std::string_view name) {
  const auto* const metric = std::ranges::find(kMetrics, name, &ContestMetric::name);
  if (metric != kMetrics.end()) return *metric;
  std::string names;
  for (const ContestMetric& each : kMetrics) {
    names += (names.empty() ? "" : ", ") + std::string(each.name);
  }
  throw UsageError("--metric: there is no '" + std::string(name) + "'; there are " + names);
}

ContestResult HoldContest(Rig& rig, const Experiment& experiment, const ContestMetric& metric) {
  std::string why = WhyNoDuet(experiment.workloads.front());
  if (std::ranges::count(kDuetMetrics, metric.metric) == 0) {
    why = "slices tell no " + std::string(metric.noun);
  }
  if (why.empty()) {
    const auto outcome = rig.Duet(experiment, why);
    const auto found = outcome ? CompareSlices(outcome->pairs, metric.metric) : std::nullopt;
    if (found && found->ratio.interval95) {
      return {.ratio = found->ratio, .pairs = found->pairs, .method = "duet", .why_no_duet = {}};
    }
    if (why.empty()) why = "there were fewer than three blocks in its time";
  }
  ContestResult result = TakeTurns(rig, experiment, metric);
  result.why_no_duet = why;
  return result;
}

}  // namespace crossover
