#include "harness/commands.h"

#include <iostream>
#include <string>
#include <vector>

#include "base/cpu_list.h"
#include "base/error.h"
#include "harness/placement.h"
#include "harness/preflight.h"
#include "harness/programs.h"
#include "harness/report.h"
#include "harness/result_table.h"
#include "harness/run_directory.h"
#include "harness/trial.h"
#include "harness/tune.h"

namespace crossover {
namespace {

// The last lines: the table, what is not valid, where everything is.
int Conclude(const std::filesystem::path& directory, const nlohmann::ordered_json& report) {
  std::cout << "\n" << RenderResultTable(report) << "\n";
  const std::vector<std::string> invalid = InvalidCells(report);
  for (const std::string& line : invalid) std::cout << line << "\n";
  std::cout << "Report: " << (directory / "report.json").string() << ", "
            << (directory / "summary.md").string() << std::endl;
  const std::string why = DrawCharts(directory);
  if (why.empty()) {
    std::cout << "Charts: " << (directory / "charts").string() << std::endl;
  } else {
    std::cout << why << std::endl;
  }
  return invalid.empty() ? 0 : kExitFailure;
}

// What an interrupted or partly failed run can be gone on with.
std::string ResumeCommand(const RunChoice& choice, const std::filesystem::path& directory) {
  return "crossover run " + choice.experiment.file.string() + " --resume --out " +
         directory.string();
}

}  // namespace

int RunCommand(const RunChoice& choice) {
  const Programs programs =
      FindPrograms(choice.experiment.server_program, choice.experiment.load_program);
  const RunResult run =
      RunExperiment(LoadExperiment(choice.experiment, &programs), choice.place, programs);
  if (run.signal != 0) {
    std::cout << "Interrupted after " << run.done << " of " << run.planned
              << " trials; report of those: " << (run.directory / "report.json").string()
              << "; to go on: " << ResumeCommand(choice, run.directory) << std::endl;
    return 128 + run.signal;
  }
  const int status = Conclude(run.directory, run.report);
  if (run.failed == 0) return status;
  std::cout << run.failed << " of " << run.planned << " trials failed; to run them again: "
            << ResumeCommand(choice, run.directory) << " --retry-failed" << std::endl;
  return kExitFailure;
}

// Each architecture's sweep is a run of its own, in a directory of its own below one for all.
int TuneCommand(const RunChoice& choice) {
  const Programs programs =
      FindPrograms(choice.experiment.server_program, choice.experiment.load_program);
  const Experiment experiment = LoadExperiment(choice.experiment, &programs);
  const auto server_cpus = static_cast<int64_t>(
      PlaceCpus(ReadAllowedCores(), experiment.placement).server.size());
  RunPlace place = choice.place;
  std::filesystem::path directory = place.out;
  if (directory.empty()) {
    directory = MakeRunDirectory(kResultsDirectory, MakeRunId(UtcNow(), experiment.name + "-tune"));
  }
  Experiment tuned = experiment;
  std::vector<Winner> winners;
  for (size_t i = 0; i < experiment.architectures.size(); ++i) {
    const Experiment sweep = SweepOf(experiment, i, server_cpus);
    if (sweep.architectures.size() == 1) continue;
    place.out = directory / experiment.architectures[i].label;
    const RunResult run = RunExperiment(sweep, place, programs);
    if (run.signal != 0) {
      std::cout << "Interrupted; to go on: crossover tune " << choice.experiment.file.string()
                << " --resume --out " << directory.string() << std::endl;
      return 128 + run.signal;
    }
    std::cout << "\n" << RenderResultTable(run.report) << "\n";
    winners.push_back(ChooseWinner(sweep, run.report));
    tuned.architectures[i] = winners.back().level;
  }
  const std::filesystem::path file = directory / "tuned.json";
  ReplaceFile(file, ToJson(tuned).dump(1) + "\n");
  for (const Winner& winner : winners) {
    std::cout << winner.level.label << ": " << winner.reason << "\n";
  }
  std::cout << "To compare them so: crossover run " << file.string() << std::endl;
  return 0;
}

int PlanCommand(const ExperimentChoice& choice) {
  const Experiment experiment = LoadExperiment(choice, nullptr);
  std::cout << RenderPlan(experiment, MakePlan(experiment));
  return 0;
}

int ReportCommand(const std::filesystem::path& run_directory) {
  Conclude(run_directory, WriteReport(run_directory));
  return 0;
}

int DoctorCommand(const ExperimentChoice& choice) {
  Experiment experiment;
  if (choice.file.empty()) {
    experiment.name = "doctor";
    experiment.architectures = {
        {.name = "thread-per-connection", .label = "thread-per-connection", .options = {}}};
    experiment.connections = {16'000};
  } else {
    experiment = LoadExperiment(choice, nullptr);
  }
  const MachineLimits limits = ReadMachineLimits();
  const Requirements requirements = RequirementsOf(experiment, limits.allowed_cpus);
  const std::vector<Check> checks = JudgeMachine(requirements, limits);
  std::cout << RenderChecks(requirements, checks);
  if (Refused(checks)) return kExitUsage;
  const CpuSets cpus = PlaceCpus(ReadAllowedCores(), experiment.placement);
  std::cout << "\nIt fits. Server on CPU " << FormatCpuList(cpus.server) << ", client on CPU "
            << FormatCpuList(cpus.client) << ".\n";
  return 0;
}

}  // namespace crossover
