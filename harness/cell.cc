#include "harness/cell.h"

#include <algorithm>
#include <map>
#include <utility>

#include "harness/metric.h"
#include "harness/statistics/median.h"

namespace crossover {
namespace {

using nlohmann::ordered_json;

void TakeDuet(const TrialRecord& trial, Cell& cell) {
  if (trial.verdict.valid() && !trial.findings.contains("unavailable")) {
    cell.duets.push_back(&trial);
    cell.no_duet.clear();
  } else if (cell.duets.empty()) {
    cell.no_duet = trial.verdict.valid() ? trial.findings.value("unavailable", "")
                                         : trial.verdict.reasons.front().detail;
  }
}

Cell GatherCell(const TrialLog& log, std::string architecture, int64_t connections,
                std::string workload) {
  Cell cell;
  cell.architecture = std::move(architecture);
  cell.connections = connections;
  cell.workload = std::move(workload);
  const Experiment& experiment = log.run.experiment;
  cell.repeats_duets = RepetitionsOf(experiment, Pass::kDuet) > 1;
  if (experiment.duet && cell.architecture != experiment.architectures.front().label) {
    cell.no_duet =
        WhyNoDuet(*std::ranges::find(experiment.workloads, cell.workload, &Workload::name));
    if (cell.no_duet.empty()) cell.no_duet = "it was not done";
  }
  cell.repetitions.resize(static_cast<size_t>(log.run.experiment.repetitions), nullptr);
  for (const TrialRecord& trial : log.trials) {
    if (trial.connections != cell.connections || trial.architecture != cell.architecture ||
        trial.workload != cell.workload) {
      continue;
    }
    if (trial.pass == Pass::kDuet) {
      TakeDuet(trial, cell);
      continue;
    }
    if (trial.pass != Pass::kThroughput) {
      (trial.pass == Pass::kProfile ? cell.profiles : cell.traces).push_back(&trial);
      continue;
    }
    cell.repetitions[trial.repetition] = &trial;
    ++cell.done;
    if (trial.verdict.valid()) ++cell.valid_count;
  }
  cell.valid = cell.valid_count * 2 > cell.done;
  return cell;
}

// The reason that most repetitions give for lacking the metric.
std::string WhyUnavailable(const Cell& cell, std::string_view metric) {
  if (cell.done == 0) return "no trial of this cell was done";
  std::map<std::string, size_t> reasons;
  for (const TrialRecord* trial : cell.repetitions) {
    if (trial == nullptr) continue;
    const auto found = trial->metrics.find(metric);
    if (found == trial->metrics.end()) {
      ++reasons["the trial did not record it"];
    } else if (!found->second.value) {
      ++reasons[found->second.unavailable];
    }
  }
  if (reasons.empty()) return "no valid trial has it";
  return std::ranges::max_element(reasons, {}, &std::pair<const std::string, size_t>::second)
      ->first;
}

ordered_json VerdictToJson(const Cell& cell) {
  ordered_json reasons = ordered_json::array();
  for (const std::string& code : VerdictCodes()) {
    size_t trials = 0;
    std::string first_detail;
    for (const TrialRecord* trial : cell.repetitions) {
      if (trial == nullptr) continue;
      const auto reason = std::ranges::find(trial->verdict.reasons, code, &Reason::code);
      if (reason == trial->verdict.reasons.end()) continue;
      if (trials++ == 0) first_detail = reason->detail;
    }
    if (trials > 0) {
      reasons.push_back({{"code", code}, {"trials", trials}, {"detail", first_detail}});
    }
  }
  return {{"valid", cell.valid}, {"reasons", reasons}};
}

ordered_json NumberOrNull(const std::optional<double>& value) {
  return value ? ordered_json(*value) : ordered_json(nullptr);
}

ordered_json MetricToJson(const Cell& cell, const MetricSpec& spec) {
  const CellMetric metric = SummariseMetric(cell, spec.name);
  ordered_json entry = {{"unit", spec.unit}, {"median", NumberOrNull(metric.median)}};
  entry["ci95_low"] = nullptr;
  entry["ci95_high"] = nullptr;
  if (metric.interval95) {
    entry["ci95_low"] = metric.interval95->low;
    entry["ci95_high"] = metric.interval95->high;
  }
  ordered_json& repetitions = entry["repetitions"] = ordered_json::array();
  for (const auto& value : metric.repetitions) repetitions.push_back(NumberOrNull(value));
  if (!metric.median) entry["unavailable"] = metric.unavailable;
  return entry;
}

}  // namespace

std::vector<Cell> GatherCells(const TrialLog& log) {
  const Experiment& experiment = log.run.experiment;
  std::vector<Cell> cells;
  for (const Workload& workload : experiment.workloads) {
    for (const int64_t connections : experiment.connections) {
      for (const ArchitectureLevel& architecture : experiment.architectures) {
        cells.push_back(GatherCell(log, architecture.label, connections, workload.name));
      }
    }
  }
  return cells;
}

CellMetric SummariseMetric(const Cell& cell, std::string_view metric) {
  CellMetric result;
  std::vector<double> counted;
  for (const TrialRecord* trial : cell.repetitions) {
    const auto value = trial == nullptr ? std::nullopt : MetricOf(trial->metrics, metric);
    result.repetitions.push_back(value);
    if (value && (trial->verdict.valid() || !cell.valid)) counted.push_back(*value);
  }
  if (counted.empty()) {
    result.unavailable = WhyUnavailable(cell, metric);
    return result;
  }
  result.median = Median(counted);
  result.interval95 = MedianInterval95(counted);
  return result;
}

ordered_json ToJson(const Cell& cell) {
  ordered_json metrics = ordered_json::object();
  for (const MetricSpec& spec : MetricCatalogue()) {
    metrics[std::string(spec.name)] = MetricToJson(cell, spec);
  }
  ordered_json repetition_valid = ordered_json::array();
  for (const TrialRecord* trial : cell.repetitions) {
    repetition_valid.push_back(trial != nullptr && trial->verdict.valid());
  }
  return {
      {"architecture", cell.architecture},
      {"connections", cell.connections},
      {"workload", cell.workload},
      {"verdict", VerdictToJson(cell)},
      {"trials",
       {{"planned", cell.repetitions.size()}, {"done", cell.done}, {"valid", cell.valid_count}}},
      {"metrics", metrics},
      {"repetition_valid", repetition_valid}};
}

}  // namespace crossover
