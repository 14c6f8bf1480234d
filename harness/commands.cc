#include "harness/commands.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <sstream>

#include "base/clock.h"
#include "base/cpu_list.h"
#include "base/duration.h"
#include "base/error.h"
#include "base/limits.h"
#include "harness/environment.h"
#include "harness/preflight.h"
#include "harness/programs.h"
#include "harness/report.h"
#include "harness/result_table.h"
#include "harness/runner.h"
#include "harness/trial.h"
#include "harness/wording.h"

namespace crossover {
namespace {

constexpr const char* kResults = "results";

std::string ReadExperimentFile(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text(limits::kExperimentFileBytesMax + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (!file.eof() || file.bad() || std::filesystem::is_directory(path)) {
    const bool large =
        file.gcount() > static_cast<std::streamsize>(limits::kExperimentFileBytesMax);
    throw UsageError(path.string() + (large ? ": is too large for an experiment file"
                                            : ": cannot be read; name an experiment file, such as "
                                              "harness/experiments/connections.json"));
  }
  text.resize(static_cast<size_t>(file.gcount()));
  return text;
}

void KeepOnly(const std::vector<std::string>& only, Experiment& experiment) {
  if (only.empty()) return;
  std::string labels;
  for (const ArchitectureLevel& each : experiment.architectures) {
    labels += (labels.empty() ? "" : ", ") + each.label;
  }
  std::vector<ArchitectureLevel> kept;
  for (const std::string& wanted : only) {
    const size_t before = kept.size();
    for (const ArchitectureLevel& each : experiment.architectures) {
      if (each.label != wanted && each.name != wanted) continue;
      if (std::ranges::find(kept, each) == kept.end()) kept.push_back(each);
    }
    if (kept.size() == before) {
      throw UsageError("--only: the experiment has no other architecture '" + wanted +
                       "'; it has " + labels);
    }
  }
  experiment.architectures = kept;
}

Experiment LoadExperiment(const ExperimentChoice& choice, const Programs* programs) {
  std::vector<std::string> known;
  if (programs != nullptr) known = KnownArchitectures(programs->server);
  Experiment experiment =
      ParseExperiment(ReadExperimentFile(choice.file), choice.file.string(), known);
  if (choice.repetitions) experiment.repetitions = *choice.repetitions;
  KeepOnly(choice.only, experiment);
  return experiment;
}

// Refuses what cannot fit, says what could disturb, raises what may be raised.
MachineLimits PassPreflight(const Experiment& experiment) {
  MachineLimits limits = ReadMachineLimits();
  const Requirements requirements = RequirementsOf(experiment, limits.allowed_cpus);
  const std::vector<Check> checks = JudgeMachine(requirements, limits);
  if (Refused(checks)) {
    throw UsageError(requirements.trial +
                     ": does not fit on this machine: " + DescribeRefusals(checks));
  }
  for (const Check& check : checks) {
    if (check.result != Check::Result::kWarning) continue;
    std::cout << "warning: " << check.name << ": needed " << check.needed << ", found "
              << check.found << "; " << check.how_to_fix << "\n";
  }
  RaiseProcessLimits(requirements);
  return limits;
}

std::vector<std::filesystem::path> ProgramFiles(const Programs& programs) {
  return {programs.server, programs.load, std::filesystem::read_symlink("/proc/self/exe")};
}

RunRecord NewRecord(const Experiment& experiment, const MachineLimits& limits,
                    const Programs& programs, const CpuSets& cpus) {
  const std::string now = UtcNow();
  return {.run_id = MakeRunId(now, experiment.name),
          .created_utc = now,
          .experiment = experiment,
          .environment = CaptureEnvironment(limits, ProgramFiles(programs)),
          .server_cpus = FormatCpuList(cpus.server),
          .client_cpus = FormatCpuList(cpus.client)};
}

// The log that --resume goes on with. Throws if it belongs to another experiment or placement.
TrialLog OldLog(const std::filesystem::path& directory, const Experiment& experiment,
                const MachineLimits& limits, const Programs& programs, const CpuSets& cpus,
                bool retry_failed) {
  TrialLog log = ReadTrialLog(directory / "trials.jsonl");
  if (ExperimentFingerprint(log.run.experiment) != ExperimentFingerprint(experiment)) {
    throw UsageError(directory.string() +
                     " holds a run of another experiment, or of other --only or --repetitions; "
                     "start a new run without --resume");
  }
  if (log.run.server_cpus != FormatCpuList(cpus.server) ||
      log.run.client_cpus != FormatCpuList(cpus.client)) {
    throw UsageError(directory.string() + " was begun with the server on CPUs " +
                     log.run.server_cpus + " and the client on " + log.run.client_cpus +
                     "; start a new run without --resume");
  }
  const nlohmann::json now = CaptureEnvironment(limits, ProgramFiles(programs));
  for (const char* key : {"kernel", "programs"}) {
    const auto part = [&](const nlohmann::json& environment) {
      const nlohmann::json value = environment.value(key, nlohmann::json());
      const std::string server = programs.server.filename().string();
      return value.is_object() ? value.value(server, nlohmann::json()) : value;
    };
    if (part(log.run.environment) == part(now)) continue;
    throw UsageError(directory.string() + " was begun with another " +
                     (std::string_view(key) == "kernel" ? "kernel" : "build of the server") +
                     ", and trials of both can't be compared; start a new run without --resume");
  }
  if (retry_failed) ForgetFailedTrials(directory / "trials.jsonl", log);
  return log;
}

struct Begun {
  std::filesystem::path directory;
  TrialLog log;
};

Begun Begin(const RunChoice& choice, const Experiment& experiment, const MachineLimits& limits,
            const Programs& programs, const CpuSets& cpus) {
  std::filesystem::path directory = choice.out;
  if (directory.empty() && choice.resume) directory = std::filesystem::path(kResults) / "latest";
  const bool has_trials = !directory.empty() && HoldsWholeLine(directory / "trials.jsonl");
  if (choice.resume && has_trials) {
    directory = std::filesystem::canonical(directory);
    return {directory, OldLog(directory, experiment, limits, programs, cpus, choice.retry_failed)};
  }
  if (choice.resume && choice.out.empty()) {
    throw UsageError("--resume: there is no run in " + directory.string() +
                     "; start one without --resume, or name its directory with --out");
  }
  if (has_trials) {
    throw UsageError("--out: " + directory.string() +
                     " already holds a run; add --resume to go on with it, or name another");
  }
  Begun begun{.directory = directory, .log = {}};
  begun.log.run = NewRecord(experiment, limits, programs, cpus);
  if (directory.empty()) {
    begun.directory = MakeRunDirectory(kResults, begun.log.run.run_id);
    PointLatestTo(kResults, begun.directory);
  } else {
    std::filesystem::create_directories(directory);
  }
  return begun;
}

int TerminalColumns() {
  winsize size{};
  return ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

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

}  // namespace

int RunCommand(const RunChoice& choice) {
  const Programs programs =
      FindPrograms(choice.experiment.server_program, choice.experiment.load_program);
  const Experiment experiment = LoadExperiment(choice.experiment, &programs);
  const CpuSets cpus = PlaceCpus(ReadAllowedCores(), experiment.placement);
  const MachineLimits limits = PassPreflight(experiment);
  auto [directory, log] = Begin(choice, experiment, limits, programs, cpus);
  const Plan plan = MakePlan(experiment);
  std::cout << experiment.name << ": " << CountText(plan.trials.size(), "trial") << ", about "
            << FormatDurationNs(static_cast<int64_t>(EstimatePlanSeconds(experiment, plan) * 1e9))
            << "; server on CPU " << FormatCpuList(cpus.server) << ", client on CPU "
            << FormatCpuList(cpus.client) << "; " << directory.string() << std::endl;

  RunOutcome outcome;
  {
    Interrupt interrupt;
    Progress progress(std::cout, ::isatty(STDOUT_FILENO) == 1, TerminalColumns(), experiment, plan,
                      MonotonicNs);
    outcome = RunPlan({.directory = directory,
                       .server_program = programs.server,
                       .load_program = programs.load,
                       .cpus = cpus,
                       .plan = plan},
                      log, progress, interrupt);
  }
  if (outcome.signal != 0) {
    std::cout << "Interrupted after " << log.trials.size() << " of " << plan.trials.size()
              << " trials; report of those: " << (directory / "report.json").string()
              << "; to go on: crossover run " << choice.experiment.file.string()
              << " --resume --out " << directory.string() << std::endl;
    return 128 + outcome.signal;
  }
  const int status = Conclude(directory, BuildReport(log));
  if (outcome.failed == 0) return status;
  std::cout << outcome.failed << " of " << plan.trials.size()
            << " trials failed; to run them again: crossover run "
            << choice.experiment.file.string() << " --resume --retry-failed --out "
            << directory.string() << std::endl;
  return kExitFailure;
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
