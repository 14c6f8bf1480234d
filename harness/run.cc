#include "harness/run.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <iostream>
#include <string_view>
#include <utility>

#include "base/clock.h"
#include "base/cpu_list.h"
#include "base/duration.h"
#include "base/error.h"
#include "harness/environment.h"
#include "harness/interrupt.h"
#include "harness/placement.h"
#include "harness/preflight.h"
#include "harness/progress.h"
#include "harness/run_directory.h"
#include "harness/runner.h"
#include "harness/selftest/self_test_log.h"
#include "harness/trial.h"
#include "harness/wording.h"

namespace crossover {
namespace {

std::vector<Check> JudgeOrRefuse(const Requirements& requirements, const MachineLimits& limits) {
  std::vector<Check> checks = JudgeMachine(requirements, limits);
  if (!Refused(checks)) return checks;
  throw UsageError(requirements.trial +
                   ": does not fit on this machine: " + DescribeRefusals(checks));
}

// Refuses what cannot fit, says what could disturb, raises what may be raised.
MachineLimits PassPreflight(const Experiment& experiment) {
  MachineLimits limits = ReadMachineLimits();
  const Requirements requirements = RequirementsOf(experiment, limits.allowed_cpus);
  for (const Check& check : JudgeOrRefuse(requirements, limits)) {
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
  nlohmann::json environment = CaptureEnvironment(limits, ProgramFiles(programs));
  environment["selftest"] = QuoteSelfTest(kResultsDirectory, environment.at("fingerprint"));
  return {.run_id = MakeRunId(now, experiment.name),
          .created_utc = now,
          .experiment = experiment,
          .environment = std::move(environment),
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

Begun Begin(const RunPlace& place, const Experiment& experiment, const MachineLimits& limits,
            const Programs& programs, const CpuSets& cpus) {
  std::filesystem::path directory = place.out;
  if (directory.empty() && place.resume)
    directory = std::filesystem::path(kResultsDirectory) / "latest";
  const bool has_trials = !directory.empty() && HoldsWholeLine(directory / "trials.jsonl");
  if (place.resume && has_trials) {
    directory = std::filesystem::canonical(directory);
    return {directory, OldLog(directory, experiment, limits, programs, cpus, place.retry_failed)};
  }
  if (place.resume && place.out.empty()) {
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
    begun.directory = MakeRunDirectory(kResultsDirectory, begun.log.run.run_id);
    PointLatestTo(kResultsDirectory, begun.directory);
  } else {
    std::filesystem::create_directories(directory);
  }
  return begun;
}

int TerminalColumns() {
  winsize size{};
  return ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

}  // namespace

void RefuseWhatDoesNotFit(const Experiment& experiment) {
  const MachineLimits limits = ReadMachineLimits();
  JudgeOrRefuse(RequirementsOf(experiment, limits.allowed_cpus), limits);
}

RunResult RunExperiment(const Experiment& experiment, const RunPlace& place,
                        const Programs& programs) {
  const CpuSets cpus = PlaceCpus(ReadAllowedCores(), experiment.placement);
  const MachineLimits limits = PassPreflight(experiment);
  auto [directory, log] = Begin(place, experiment, limits, programs, cpus);
  const Plan plan = MakePlan(experiment);
  std::cout << experiment.name << ": " << CountText(plan.trials.size(), "trial") << ", about "
            << FormatDurationNs(static_cast<int64_t>(EstimatePlanSeconds(experiment, plan) * 1e9))
            << "; server on CPU " << FormatCpuList(cpus.server) << ", client on CPU "
            << FormatCpuList(cpus.client) << "; " << directory.string() << std::endl;
  Interrupt interrupt;
  Progress progress(std::cout, ::isatty(STDOUT_FILENO) == 1, TerminalColumns(), experiment, plan,
                    MonotonicNs);
  const RunOutcome outcome = RunPlan({.directory = directory,
                                      .server_program = programs.server,
                                      .load_program = programs.load,
                                      .costs_program = programs.costs,
                                      .cpus = cpus,
                                      .plan = plan},
                                     log, progress, interrupt);
  return {.directory = directory,
          .log = std::move(log),
          .failed = outcome.failed,
          .planned = plan.trials.size(),
          .signal = outcome.signal};
}

}  // namespace crossover
