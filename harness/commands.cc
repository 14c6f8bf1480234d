#include "harness/commands.h"

#include <algorithm>
#include <iostream>
#include <string>
#include <utility>
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
std::string ResumeCommand(const char* command, const RunChoice& choice,
                          const std::filesystem::path& directory) {
  const ExperimentChoice& experiment = choice.experiment;
  std::string text = "crossover " + std::string(command) + " " + experiment.file.string() +
                     " --resume --out " + directory.string();
  if (experiment.repetitions) text += " --repetitions " + std::to_string(*experiment.repetitions);
  for (size_t i = 0; i < experiment.only.size(); ++i) {
    text += (i == 0 ? " --only " : ",") + experiment.only[i];
  }
  if (!experiment.server_program.empty()) text += " --server-binary " + experiment.server_program;
  if (!experiment.load_program.empty()) text += " --load-binary " + experiment.load_program;
  return text;
}

// The sweeps of a tuning, each with its place in the experiment's architectures. Throws UsageError
// before anything has run if one can't be, or if there is none.
std::vector<std::pair<size_t, Experiment>> SweepsOf(const RunChoice& choice,
                                                    const Experiment& experiment) {
  const std::string file = choice.experiment.file.string();
  const auto server_cpus =
      static_cast<int64_t>(PlaceCpus(ReadAllowedCores(), experiment.placement).server.size());
  std::vector<std::pair<size_t, Experiment>> sweeps;
  for (size_t i = 0; i < experiment.architectures.size(); ++i) {
    Experiment sweep = SweepOf(experiment, i, server_cpus);
    if (sweep.architectures.size() == 1 || sweep.workloads.empty()) continue;
    if (!choice.experiment.repetitions) {
      sweep.repetitions = std::max(sweep.repetitions, kTuneRepetitionsMin);
    }
    // Derived names have limits as well.
    static_cast<void>(ParseExperiment(ToJson(sweep).dump(), file));
    RefuseWhatDoesNotFit(sweep);
    sweeps.emplace_back(i, std::move(sweep));
  }
  if (sweeps.empty()) {
    throw UsageError(file + ": no architecture in it has a knob that the file doesn't set already");
  }
  return sweeps;
}

}  // namespace

int RunCommand(const RunChoice& choice) {
  const Programs programs =
      FindPrograms(choice.experiment.server_program, choice.experiment.load_program);
  const RunResult run =
      RunExperiment(LoadExperiment(choice.experiment, &programs), choice.place, programs);
  if (run.signal != 0) {
    std::cout << "Interrupted after " << run.log.trials.size() << " of " << run.planned
              << " trials; report of those: " << (run.directory / "report.json").string()
              << "; to go on: " << ResumeCommand("run", choice, run.directory) << std::endl;
    return 128 + run.signal;
  }
  const int status = Conclude(run.directory, BuildReport(run.log));
  if (run.failed == 0) return status;
  std::cout << run.failed << " of " << run.planned
            << " trials failed; to run them again: " << ResumeCommand("run", choice, run.directory)
            << " --retry-failed" << std::endl;
  return kExitFailure;
}

// Each architecture's sweep is a run of its own, in a directory of its own below one for all.
int TuneCommand(const RunChoice& choice) {
  const Programs programs =
      FindPrograms(choice.experiment.server_program, choice.experiment.load_program);
  const Experiment experiment = LoadExperiment(choice.experiment, &programs);
  const auto sweeps = SweepsOf(choice, experiment);
  RunPlace place = choice.place;
  std::filesystem::path directory = place.out;
  if (directory.empty()) {
    if (place.resume) throw UsageError("tune --resume: name the tuning's directory with --out");
    directory = MakeRunDirectory(kResultsDirectory, MakeRunId(UtcNow(), experiment.name + "-tune"));
  }
  Experiment tuned = experiment;
  std::string found;
  int status = 0;
  for (const auto& [index, sweep] : sweeps) {
    place.out = directory / experiment.architectures[index].label;
    const RunResult run = RunExperiment(sweep, place, programs);
    if (run.signal != 0) {
      std::cout << "Interrupted; to go on: " << ResumeCommand("tune", choice, directory)
                << std::endl;
      return 128 + run.signal;
    }
    const nlohmann::ordered_json report = BuildReport(run.log);
    std::cout << "\n" << RenderResultTable(report) << "\n";
    for (const std::string& line : InvalidCells(report)) {
      std::cout << line << "\n";
      status = kExitFailure;
    }
    const Winner winner = ChooseWinner(run.log);
    tuned.architectures[index] = winner.level;
    found += winner.level.label + ": " + winner.reason + "\n";
  }
  const std::filesystem::path file = directory / "tuned.json";
  ReplaceFile(file, ToJson(tuned).dump(1) + "\n");
  std::cout << found << "To compare them so: crossover run " << file.string() << std::endl;
  return status;
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
