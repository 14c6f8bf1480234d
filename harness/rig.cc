#include "harness/rig.h"

#include <utility>

#include "base/cpu_list.h"
#include "base/error.h"
#include "harness/conversation.h"
#include "harness/duet/duet_findings.h"
#include "harness/preflight.h"
#include "harness/trial.h"

namespace crossover {

Rig::Rig(Programs programs, const Placement& placement)
    : programs_(std::move(programs)),
      allowed_cpus_(AllowedCpus()),
      cpus_(PlaceCpus(ReadAllowedCores(), placement)) {
  if (const int error = SetAffinity(0, cpus_.client); error != 0) {
    ThrowErrno("cannot run on CPUs " + FormatCpuList(cpus_.client), error);
  }
}

Rig::~Rig() { SetAffinity(0, allowed_cpus_); }

TrialRecord Rig::Run(const Experiment& experiment, const PlannedTrial& trial) {
  MachineLimits limits = ReadMachineLimits();
  limits.allowed_cpus = static_cast<int64_t>(allowed_cpus_.size());
  const Requirements requirements = RequirementsOf(experiment, limits.allowed_cpus);
  if (const auto checks = JudgeMachine(requirements, limits); Refused(checks)) {
    throw UsageError(requirements.trial +
                     ": does not fit on this machine: " + DescribeRefusals(checks));
  }
  RaiseProcessLimits(requirements);
  return RunTrial({.experiment = experiment,
                   .trial = trial,
                   .server_program = programs_.server,
                   .load_program = programs_.load,
                   .cpus = cpus_,
                   .deadlines = DeadlinesFor(experiment, trial),
                   .interrupt_fd = interrupt_.fd()});
}

std::optional<DuetOutcome> Rig::Duet(const Experiment& experiment, std::string& why) {
  const TrialRecord record =
      Run(experiment,
          {.architecture = 1, .connections = experiment.connections.front(), .pass = Pass::kDuet});
  if (!record.verdict.valid()) throw TrialFailure(record.verdict.reasons.front().detail);
  why = record.findings.value("unavailable", std::string());
  if (!why.empty()) return std::nullopt;
  return DuetOutcomeFromJson(record.findings);
}

}  // namespace crossover
