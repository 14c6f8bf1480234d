#include "harness/duet/duet_command.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <iostream>
#include <string_view>

#include "base/cpu_list.h"
#include "base/error.h"
#include "harness/conversation.h"
#include "harness/duet/duet_findings.h"
#include "harness/duet/duet_text.h"
#include "harness/interrupt.h"
#include "harness/placement.h"
#include "harness/preflight.h"
#include "harness/programs.h"
#include "harness/run_directory.h"
#include "harness/trial.h"

namespace crossover {
namespace {

using nlohmann::json;

// "name:key=value,key=value" as an experiment file has it.
json ArchitectureFrom(const std::string& text, const char* label) {
  const size_t colon = text.find(':');
  json options = json::object();
  std::string_view rest;
  if (colon != std::string::npos) rest = std::string_view(text).substr(colon + 1);
  while (!rest.empty()) {
    const std::string_view part = rest.substr(0, rest.find(','));
    rest.remove_prefix(std::min(rest.size(), part.size() + 1));
    const size_t equals = part.find('=');
    if (equals == std::string_view::npos) {
      throw UsageError("'" + text + "': a knob is written as name=value: epoll-pool:workers=4");
    }
    const std::string_view value = part.substr(equals + 1);
    int64_t number = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
    const bool is_number = error == std::errc{} && end == value.data() + value.size();
    options[std::string(part.substr(0, equals))] = is_number ? json(number) : json(value);
  }
  return {{"name", text.substr(0, colon)}, {"label", label}, {"options", options}};
}

json ReportOf(const TrialSetup& setup, const TrialRecord& record, const DuetOutcome& outcome) {
  json comparisons = json::array();
  for (const std::string_view metric : kDuetMetrics) {
    const auto found = CompareSlices(outcome.pairs, metric);
    if (!found) continue;
    json entry = {{"metric", metric},      {"ratio", found->ratio.ratio},
                  {"pairs", found->pairs}, {"probability", found->ratio.probability},
                  {"ci95_low", nullptr},   {"ci95_high", nullptr}};
    if (found->ratio.interval95) {
      entry["ci95_low"] = found->ratio.interval95->low;
      entry["ci95_high"] = found->ratio.interval95->high;
    }
    comparisons.push_back(std::move(entry));
  }
  return {{"schema", "crossover-duet/1"},
          {"created_utc", record.started_utc},
          {"architecture", record.architecture},
          {"baseline", setup.experiment.architectures.front().label},
          {"experiment", ToJson(setup.experiment)},
          {"placement",
           {{"server_cpus", FormatCpuList(setup.cpus.server)},
            {"client_cpus", FormatCpuList(setup.cpus.client)}}},
          {"comparisons", std::move(comparisons)},
          {"findings", record.findings}};
}

}  // namespace

Experiment DuetExperiment(const DuetChoice& choice) {
  const json file = {{"name", "duet"},
                     {"architectures",
                      {ArchitectureFrom(choice.baseline, "B"), ArchitectureFrom(choice.own, "A")}},
                     {"connections", {choice.connections}},
                     {"workloads", {{{"name", "duet"}, {"path", choice.path}}}},
                     {"canary", false}};
  Experiment experiment = ParseExperiment(file.dump(), "crossover duet");
  experiment.duet = choice.settings;
  const bool same = choice.own == choice.baseline;
  experiment.architectures[0].label = choice.baseline + (same ? " (B)" : "");
  experiment.architectures[1].label = choice.own + (same ? " (A)" : "");
  return experiment;
}

int DuetCommand(const DuetChoice& choice) {
  const Programs programs = FindPrograms(choice.server_program, choice.load_program);
  const Experiment experiment = DuetExperiment(choice);
  const std::vector<std::string> known = KnownArchitectures(programs.server);
  for (const ArchitectureLevel& level : experiment.architectures) {
    if (std::ranges::count(known, level.name) > 0) continue;
    throw UsageError("there is no architecture '" + level.name +
                     "'; crossover-server --list shows the choice");
  }
  const CpuSets cpus = PlaceCpus(ReadAllowedCores(), experiment.placement);
  RaiseProcessLimits(RequirementsOf(experiment, static_cast<int64_t>(AllowedCpus().size())));
  // Whatever the harness does must not take CPU time from the servers.
  if (const int error = SetAffinity(0, cpus.client); error != 0) {
    ThrowErrno("cannot run on CPUs " + FormatCpuList(cpus.client), error);
  }
  const PlannedTrial trial{
      .architecture = 1, .connections = choice.connections, .pass = Pass::kDuet};
  Interrupt interrupt;
  const TrialSetup setup{.experiment = experiment,
                         .trial = trial,
                         .server_program = programs.server,
                         .load_program = programs.load,
                         .cpus = cpus,
                         .deadlines = DeadlinesFor(experiment, trial),
                         .interrupt_fd = interrupt.fd()};
  TrialRecord record;
  try {
    record = RunTrial(setup);
  } catch (const TrialInterrupted&) {
    return 128 + interrupt.signal();
  }
  if (!record.verdict.valid()) {
    std::cout << "The duet broke off: " << record.verdict.reasons.front().detail << std::endl;
    return kExitFailure;
  }
  if (record.findings.contains("unavailable")) {
    throw UsageError("no duet of " + choice.own + " and " + choice.baseline + ": " +
                     record.findings.value("unavailable", ""));
  }
  const DuetOutcome outcome = DuetOutcomeFromJson(record.findings);
  if (!choice.out.empty()) {
    ReplaceFile(choice.out, ReportOf(setup, record, outcome).dump(1) + "\n");
  }
  std::cout << RenderDuet(record.architecture, experiment.architectures.front().label, outcome)
            << std::flush;
  return 0;
}

}  // namespace crossover
