// Experiments on their way out: normalised JSON, fingerprint, command lines.
#include <array>
#include <cstdio>
#include <utility>

#include "base/clock.h"
#include "base/cpu_list.h"
#include "harness/experiment.h"

namespace crossover {
namespace {

using nlohmann::json;

json OptionsToJson(const ArchitectureFlags& options) {
  json object = json::object();
  if (options.workers) object["workers"] = *options.workers;
  if (options.workers_max) object["workers_max"] = *options.workers_max;
  if (options.overflow) object["overflow"] = *options.overflow;
  if (options.stack_bytes) object["stack_bytes"] = *options.stack_bytes;
  if (options.batch) object["batch"] = *options.batch;
  if (options.busy_poll_ns) object["busy_poll"] = DurationText(*options.busy_poll_ns);
  if (options.backlog) object["backlog"] = *options.backlog;
  if (options.idle_timeout_ns) object["idle_timeout"] = DurationText(*options.idle_timeout_ns);
  if (options.slow_down) object["slow_down"] = *options.slow_down;
  if (options.header_timeout_ns) {
    object["header_timeout"] = DurationText(*options.header_timeout_ns);
  }
  return object;
}

json PlacementToJson(const Placement& placement) {
  switch (placement.mode) {
    case Placement::Mode::kIsolated:
      return "isolated";
    case Placement::Mode::kShared:
      return "shared";
    case Placement::Mode::kExplicit:
      break;
  }
  return {{"server", FormatCpuList(placement.server_cpus)},
          {"client", FormatCpuList(placement.client_cpus)}};
}

json InstrumentToJson(const InstrumentSettings& settings, bool samples) {
  json object = {{"repetitions", settings.repetitions},
                 {"duration", DurationText(settings.duration_ns)}};
  if (samples) object["samples_per_second"] = settings.samples_per_second;
  return object;
}

json DuetToJson(const DuetSettings& duet) {
  json object = {{"pairs", duet.pairs}, {"time_limit", DurationText(duet.time_limit_ns)}};
  if (duet.repetitions != 1) object["repetitions"] = duet.repetitions;
  if (duet.precision > 0) object["precision"] = duet.precision;
  if (duet.slice_ns > 0) object["slice"] = DurationText(duet.slice_ns);
  return object;
}

}  // namespace

std::string_view PassName(Pass pass) {
  switch (pass) {
    case Pass::kThroughput:
      return "throughput";
    case Pass::kDuet:
      return "duet";
    case Pass::kProfile:
      return "profile";
    case Pass::kTrace:
      return "trace";
  }
  return {};
}

json ToJson(const Experiment& experiment) {
  json architectures = json::array();
  for (const ArchitectureLevel& level : experiment.architectures) {
    architectures.push_back(
        {{"name", level.name}, {"label", level.label}, {"options", OptionsToJson(level.options)}});
  }
  json workloads = json::array();
  for (const Workload& workload : experiment.workloads) workloads.push_back(ToJson(workload));
  const LoadSettings& load = experiment.load;
  json object = {{"name", experiment.name},
                 {"description", experiment.description},
                 {"seed", experiment.seed},
                 {"repetitions", experiment.repetitions},
                 {"placement", PlacementToJson(experiment.placement)},
                 {"architectures", architectures},
                 {"connections", experiment.connections},
                 {"workloads", workloads},
                 {"load",
                  {{"threads", load.threads},
                   {"warmup", DurationText(load.warmup_ns)},
                   {"duration", DurationText(load.duration_ns)},
                   {"drain_timeout", DurationText(load.drain_timeout_ns)},
                   {"connect_timeout", DurationText(load.connect_timeout_ns)}}},
                 {"canary", experiment.canary},
                 {"launcher",
                  {{"server", json(experiment.launcher.server)},
                   {"client", json(experiment.launcher.client)}}}};
  if (load.busy_poll) object["load"]["busy_poll"] = true;
  if (load.request_timeout_ns != LoadSettings{}.request_timeout_ns) {
    object["load"]["request_timeout"] = DurationText(load.request_timeout_ns);
  }
  if (experiment.duet) object["duet"] = DuetToJson(*experiment.duet);
  if (experiment.profile) object["profile"] = InstrumentToJson(*experiment.profile, true);
  if (experiment.trace) object["trace"] = InstrumentToJson(*experiment.trace, false);
  if (experiment.cost_readings > 0) {
    object["costs"] = {{"repetitions", experiment.cost_readings}};
  }
  if (experiment.axis) object["axis"] = {{"label", experiment.axis->label}};
  return object;
}

std::string ExperimentFingerprint(const Experiment& experiment) {
  uint64_t hash = 0xcbf29ce484222325;
  for (const char c : ToJson(experiment).dump()) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  }
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(hash));
  return text;
}

std::vector<std::string> ServerArguments(const ArchitectureLevel& architecture) {
  std::vector<std::string> arguments = {"--architecture", architecture.name};
  const auto add = [&](const char* flag, const std::string& value) {
    arguments.emplace_back(flag);
    arguments.push_back(value);
  };
  const ArchitectureFlags& options = architecture.options;
  if (options.workers) add("--workers", std::to_string(*options.workers));
  if (options.workers_max) add("--workers-max", std::to_string(*options.workers_max));
  if (options.overflow) add("--overflow", *options.overflow);
  if (options.stack_bytes) add("--stack-bytes", std::to_string(*options.stack_bytes));
  if (options.batch) add("--batch", std::to_string(*options.batch));
  if (options.busy_poll_ns) add("--busy-poll", DurationText(*options.busy_poll_ns));
  if (options.backlog) add("--backlog", std::to_string(*options.backlog));
  if (options.idle_timeout_ns) add("--idle-timeout", DurationText(*options.idle_timeout_ns));
  if (options.slow_down) add("--slow-down", *options.slow_down);
  if (options.header_timeout_ns) add("--header-timeout", DurationText(*options.header_timeout_ns));
  return arguments;
}

std::string DurationText(int64_t ns) {
  static constexpr std::array<std::pair<int64_t, const char*>, 3> kUnits = {
      {{kNsPerSecond, "s"}, {kNsPerMs, "ms"}, {kNsPerUs, "us"}}};
  for (const auto& [unit_ns, name] : kUnits) {
    if (ns % unit_ns == 0) return std::to_string(ns / unit_ns) + name;
  }
  return std::to_string(ns) + "ns";
}

}  // namespace crossover
