#include "harness/report.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "harness/cell.h"
#include "harness/comparison.h"
#include "harness/google_benchmark.h"
#include "harness/model/cost_table.h"
#include "harness/model/prediction.h"
#include "harness/notes.h"
#include "harness/plan.h"
#include "harness/profile/explanation.h"
#include "harness/profile/profile_files.h"
#include "harness/run_directory.h"
#include "harness/statistics/median.h"
#include "harness/summary.h"

namespace crossover {
namespace {

using nlohmann::ordered_json;

// Null if no trial has a reading.
ordered_json SpreadToJson(const std::vector<double>& readings) {
  if (readings.empty()) return nullptr;
  const auto [low, high] = std::ranges::minmax(readings);
  return {{"median", Median(readings)}, {"min", low}, {"max", high}};
}

ordered_json CanaryToJson(const TrialLog& log) {
  const ordered_json user = SpreadToJson(CanaryTimes(log, &CanaryReading::user_ns));
  if (user.is_null()) return nullptr;
  ordered_json canary = {
      {"user_ns", user},
      {"syscall_ns", SpreadToJson(CanaryTimes(log, &CanaryReading::syscall_ns))}};
  const ordered_json loopback = SpreadToJson(CanaryTimes(log, &CanaryReading::loopback_ns));
  if (!loopback.is_null()) canary["loopback_ns"] = loopback;
  return canary;
}

// Experiments without such trials have no such keys.
void AddInstruments(const Cell& cell, const StacksByFile& stacks, ordered_json& entry) {
  if (!cell.profiles.empty()) entry["profile"] = ProfileToJson(cell, stacks);
  if (!cell.traces.empty()) entry["trace"] = TraceToJson(cell);
}

// Only of experiments that ask for the costs of single steps.
void AddPredictions(const RunRecord& run, const CostTable& costs, ordered_json& report) {
  for (ordered_json& cell : report["cells"]) {
    const auto level =
        std::ranges::find(run.experiment.architectures, cell["architecture"].get<std::string>(),
                          &ArchitectureLevel::label);
    const auto workload = std::ranges::find(run.experiment.workloads,
                                            cell["workload"].get<std::string>(), &Workload::name);
    cell["prediction"] = PredictCell(cell, level->name, *workload, costs);
  }
  report["model"] = JudgePredictions(report["cells"]);
  report["model"]["micro_costs"] = costs.ToJson();
}

}  // namespace

ordered_json BuildReport(const TrialLog& log, const StacksByFile& stacks) {
  const RunRecord& run = log.run;
  const std::vector<Cell> cells = GatherCells(log);
  const std::vector<Comparison> comparisons =
      CompareCells(cells, run.experiment.architectures.front().label);
  const size_t planned = MakePlan(run.experiment).trials.size();

  ordered_json report;
  report["schema_version"] = kReportSchemaVersion;
  report["run_id"] = run.run_id;
  report["created_utc"] = run.created_utc;
  report["complete"] = log.trials.size() == planned;
  report["trials_planned"] = planned;
  report["trials_done"] = log.trials.size();
  report["experiment"] = ToJson(run.experiment);
  report["environment"] = run.environment;
  report["placement"] = {{"server_cpus", run.server_cpus}, {"client_cpus", run.client_cpus}};
  // No resample is drawn, and so no seed is needed: the distribution over all of them is exact.
  report["statistics"] = {{"interval", "percentile bootstrap of the median, 95 %, exact"},
                          {"resamples", 0},
                          {"seed", 0}};
  report["cells"] = ordered_json::array();
  for (const Cell& cell : cells) {
    report["cells"].push_back(ToJson(cell));
    AddInstruments(cell, stacks, report["cells"].back());
  }
  report["comparisons"] = ordered_json::array();
  for (const Comparison& entry : comparisons) report["comparisons"].push_back(ToJson(entry));
  if (run.experiment.profile) {
    report["explanations"] =
        ExplainDifferences(report["cells"], run.experiment.architectures.front().label);
  }
  if (run.experiment.profile || run.experiment.trace) {
    report["instruments"] = {{"profile", InstrumentCost(log, Pass::kProfile)},
                             {"trace", InstrumentCost(log, Pass::kTrace)},
                             {"counters", CountersCost(log)}};
  }
  if (run.experiment.cost_readings > 0) AddPredictions(run, CostTable(log.costs), report);
  report["canary"] = CanaryToJson(log);
  report["notes"] = WriteNotes(log, cells, comparisons);
  return report;
}

ordered_json WriteReport(const std::filesystem::path& run_directory) {
  const TrialLog log = ReadTrialLog(run_directory / "trials.jsonl");
  const StacksByFile stacks = ReadStacks(run_directory, log);
  ordered_json report = BuildReport(log, stacks);
  WriteProfileFiles(run_directory, log, GatherCells(log), stacks);
  ReplaceFile(run_directory / "report.json",
              report.dump(1, ' ', false, ordered_json::error_handler_t::replace) + "\n");
  ReplaceFile(
      run_directory / "benchmark.json",
      ToGoogleBenchmark(log).dump(1, ' ', false, ordered_json::error_handler_t::replace) + "\n");
  ReplaceFile(run_directory / "summary.md", RenderSummary(report));
  return report;
}

}  // namespace crossover
