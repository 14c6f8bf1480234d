#include "harness/profile/profile_files.h"

#include <cmath>
#include <list>
#include <string>
#include <vector>

#include "harness/profile/pprof.h"
#include "harness/profile/top_table.h"
#include "harness/run_directory.h"
#include "harness/wording.h"

namespace crossover {
namespace {

constexpr size_t kRows = 60;

struct CellTop {
  const Cell* cell;
  Stacks stacks;
  double period_ns = 0;
  std::vector<TopRow> top;
};

std::string Title(const Experiment& experiment, const std::string& label,
                  const std::string& workload) {
  return label + (experiment.workloads.size() > 1 ? ", " + workload : "");
}

std::string WorkloadSuffix(const Experiment& experiment, const std::string& workload) {
  return experiment.workloads.size() > 1 ? "-" + workload : "";
}

CellTop TopOfCell(const Cell& cell, const StacksByFile& stacks) {
  CellTop found{.cell = &cell, .stacks = {}, .top = {}};
  for (const TrialRecord* trial : cell.profiles) {
    if (!trial->findings.is_object()) continue;
    const auto file = stacks.find(trial->findings.value("file", ""));
    if (file == stacks.end()) continue;
    for (const auto& [stack, count] : file->second) found.stacks[stack] += count;
    found.period_ns = trial->findings.value("period_ns", 0.0);
  }
  found.top = TopOf(found.stacks);
  return found;
}

}  // namespace

std::string CellFileName(const Experiment& experiment, const std::string& label,
                         int64_t connections, const std::string& workload) {
  return label + "-" + std::to_string(connections) + WorkloadSuffix(experiment, workload);
}

void WriteProfileFiles(const std::filesystem::path& run_directory, const TrialLog& log,
                       const std::vector<Cell>& cells, const StacksByFile& stacks) {
  const Experiment& experiment = log.run.experiment;
  const std::filesystem::path directory = run_directory / "profiles";
  // By architecture and workload, in the cells' order, which has the connections ascending.
  std::map<std::pair<std::string, std::string>, std::list<CellTop>> side_by_side;
  for (const Cell& cell : cells) {
    CellTop found = TopOfCell(cell, stacks);
    const uint64_t samples = TotalSamples(found.stacks);
    if (samples == 0) continue;
    const std::string title = Title(experiment, cell.architecture, cell.workload) + " at " +
                              IntegerText(cell.connections) +
                              " connections: " + IntegerText(static_cast<int64_t>(samples)) +
                              " samples of the server's CPU time, each of " +
                              NumberText(found.period_ns / 1e3) + " µs";
    const std::string name =
        CellFileName(experiment, cell.architecture, cell.connections, cell.workload);
    ReplaceFile(directory / (name + ".top.txt"),
                RenderTop(found.top, samples, found.period_ns / 1e9, kRows, title));
    ReplaceFile(directory / (name + ".pb"), ToPprof(found.stacks, std::llround(found.period_ns)));
    side_by_side[{cell.architecture, cell.workload}].push_back(std::move(found));
  }
  for (const auto& [key, tops] : side_by_side) {
    if (tops.size() < 2) continue;
    std::vector<TopColumn> columns;
    for (const CellTop& each : tops) {
      columns.push_back(
          {IntegerText(each.cell->connections), &each.top, TotalSamples(each.stacks)});
    }
    ReplaceFile(
        directory / (key.first + WorkloadSuffix(experiment, key.second) + ".side-by-side.txt"),
        RenderTopSideBySide(columns, kRows,
                            Title(experiment, key.first, key.second) + ", by connections"));
  }
}

}  // namespace crossover
