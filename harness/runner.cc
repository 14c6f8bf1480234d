#include "harness/runner.h"

#include <algorithm>
#include <set>

#include "base/cpu_list.h"
#include "base/error.h"
#include "harness/canary.h"
#include "harness/conversation.h"
#include "harness/model/measure_costs.h"
#include "harness/report.h"
#include "harness/trial.h"

namespace crossover {
namespace {

std::vector<CanaryReading> CanaryHistory(const TrialLog& log) {
  std::vector<CanaryReading> history;
  for (const TrialRecord& trial : log.trials) {
    if (trial.canary) history.push_back(*trial.canary);
  }
  return history;
}

// Gives the calling thread its CPUs back at the end: whoever runs another plan counts them.
class AffinityKeeper {
 public:
  AffinityKeeper() = default;
  ~AffinityKeeper() { SetAffinity(0, cpus_); }
  AffinityKeeper(const AffinityKeeper&) = delete;
  AffinityKeeper& operator=(const AffinityKeeper&) = delete;

 private:
  const std::vector<int> cpus_ = AllowedCpus();
};

// The throughput of an architecture, under what the planned trial's rate is a percentage of, if
// that trial was done, valid or not (docs/decisions/0007): at the same connections in the same
// repetition; never that of a trial with an instrument.
std::optional<double> CapacityOf(const std::string& label, const TrialLog& log,
                                 const PlannedTrial& planned) {
  const std::string& workload = log.run.experiment.workloads[planned.workload].percent_of;
  for (const TrialRecord& trial : log.trials) {
    if (trial.workload != workload || trial.architecture != label ||
        trial.connections != planned.connections || trial.repetition != planned.repetition ||
        trial.pass != Pass::kThroughput) {
      continue;
    }
    const auto throughput = MetricOf(trial.metrics, "throughput_rps");
    return throughput.value_or(0) > 0 ? throughput : std::nullopt;
  }
  return std::nullopt;
}

// What the planned trial's rate is a percentage of, if it is one and all that it hangs on is known.
std::optional<double> CapacityFor(const TrialLog& log, const PlannedTrial& planned) {
  const Experiment& experiment = log.run.experiment;
  if (!experiment.workloads[planned.workload].of_slowest) {
    return CapacityOf(experiment.architectures[planned.architecture].label, log, planned);
  }
  std::optional<double> slowest;
  for (const ArchitectureLevel& level : experiment.architectures) {
    const auto capacity = CapacityOf(level.label, log, planned);
    if (!capacity) return std::nullopt;
    slowest = std::min(slowest.value_or(*capacity), *capacity);
  }
  return slowest;
}

// Takes the readings that come before `trial` and that the log lacks.
void TakeReadings(const RunSetup& setup, const PlannedTrial& trial, TrialLog& log,
                  TrialWriter& writer, Progress& progress, const Interrupt& interrupt) {
  const Experiment& experiment = log.run.experiment;
  const auto wanted = static_cast<size_t>(experiment.cost_readings);
  while (log.costs.size() < wanted &&
         trial.index >= TrialAfterReading(experiment, setup.plan, log.costs.size())) {
    progress.Stage("measuring single steps");
    const int canary_cpu = setup.cpus.server.front();
    const auto before_ns = experiment.canary ? MeasureLoopback(canary_cpu) : std::nullopt;
    CostReading reading = MeasureCosts({.program = setup.costs_program,
                                        .cpus = setup.cpus,
                                        .connections = experiment.connections,
                                        .interrupt_fd = interrupt.fd(),
                                        .on_tick = [&] { progress.Tick(); }});
    reading.index = log.costs.size();
    if (experiment.canary) reading.loopback_ns = MeanOf(before_ns, MeasureLoopback(canary_cpu));
    writer.Append(ToJson(reading));
    log.costs.push_back(std::move(reading));
  }
}

}  // namespace

RunOutcome RunPlan(const RunSetup& setup, TrialLog& log, Progress& progress, Interrupt& interrupt) {
  const AffinityKeeper keeper;
  // Whatever the harness does must not take CPU time from the server.
  if (const int error_number = SetAffinity(0, setup.cpus.client); error_number != 0) {
    ThrowErrno("cannot run on CPUs " + FormatCpuList(setup.cpus.client), error_number);
  }
  TrialWriter writer(setup.directory / "trials.jsonl", log.complete_bytes);
  if (log.complete_bytes == 0) writer.Append(ToJson(log.run));
  if (log.run.experiment.profile || log.run.experiment.trace) {
    std::filesystem::create_directory(setup.directory / "profiles");
  }
  std::set<size_t> done;
  for (const TrialRecord& trial : log.trials) {
    done.insert(trial.index);
    progress.Skip(trial);
  }
  for (const PlannedTrial& trial : setup.plan.trials) {
    if (interrupt.signal() != 0) break;
    if (done.contains(trial.index)) continue;
    progress.Begin(trial);
    try {
      TakeReadings(setup, trial, log, writer, progress, interrupt);
      log.trials.push_back(
          RunTrial({.experiment = log.run.experiment,
                    .trial = trial,
                    .server_program = setup.server_program,
                    .load_program = setup.load_program,
                    .cpus = setup.cpus,
                    .directory = setup.directory / "profiles",
                    .deadlines = DeadlinesFor(log.run.experiment, trial),
                    .canary_history = CanaryHistory(log),
                    .capacity_rps = CapacityFor(log, trial),
                    .interrupt_fd = interrupt.fd(),
                    .on_stage = [&](std::string_view stage) { progress.Stage(stage); },
                    .on_tick = [&] { progress.Tick(); }}));
    } catch (const TrialInterrupted&) {
      break;
    }
    writer.Append(ToJson(log.trials.back()));
    WriteReport(setup.directory);
    progress.End(log.trials.back());
  }
  WriteReport(setup.directory);
  RunOutcome outcome{.failed = 0, .signal = interrupt.signal()};
  for (const TrialRecord& trial : log.trials) outcome.failed += FailedOutright(trial) ? 1 : 0;
  return outcome;
}

}  // namespace crossover
