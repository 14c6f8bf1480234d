#include "harness/trial_record.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <set>
#include <sstream>
#include <tuple>
#include <utility>

#include "base/error.h"
#include "base/json_node.h"
#include "base/limits.h"

namespace crossover {
namespace {

using nlohmann::json;

constexpr int kTrialsSchemaVersion = 1;

void RequireType(const JsonNode& root, std::string_view type) {
  if (root.Require("type").String() != type) {
    root.Refuse("is not a line of type \"" + std::string(type) + "\"");
  }
}

RunRecord ParseRun(const JsonNode& root, std::string_view source) {
  RequireType(root, "run");
  const JsonNode version = root.Require("schema_version");
  if (version.value() != kTrialsSchemaVersion) {
    version.Refuse("this program reads version " + std::to_string(kTrialsSchemaVersion) + " only");
  }
  RunRecord run;
  run.run_id = root.Require("run_id").String();
  run.created_utc = root.Require("created_utc").String();
  run.experiment = ParseExperiment(root.Require("experiment").value().dump(), source);
  const std::string fingerprint = root.Require("experiment_fnv1a64").String();
  if (fingerprint != ExperimentFingerprint(run.experiment)) {
    root.Refuse("experiment_fnv1a64 does not belong to the experiment beside it");
  }
  run.environment = root.Require("environment").value();
  if (!run.environment.is_object()) root.Refuse("environment must be an object {...}");
  const JsonNode placement = root.Require("placement");
  run.server_cpus = placement.Require("server_cpus").String();
  run.client_cpus = placement.Require("client_cpus").String();
  return run;
}

Verdict ParseVerdict(const JsonNode& node) {
  Verdict verdict;
  const std::vector<std::string>& known = VerdictCodes();
  const std::vector<std::string_view> codes(known.begin(), known.end());
  for (const JsonNode& element : node.Require("reasons").Elements()) {
    verdict.reasons.push_back({.code = element.Require("code").Choice(codes),
                               .detail = element.Require("detail").String()});
  }
  if (node.Require("valid").Bool() != verdict.valid()) {
    node.Refuse("valid and reasons contradict each other");
  }
  return verdict;
}

json NullOrObject(const JsonNode& node) {
  if (!node.value().is_null() && !node.value().is_object()) {
    node.Refuse("must be an object {...} or null");
  }
  return node.value();
}

// Throughput trials, which were all there was, don't say so.
Pass ParsePass(const JsonNode& node) {
  static constexpr std::array<std::string_view, 3> kNames = {"duet", "profile", "trace"};
  const std::string name = node.Choice(kNames);
  return name == "duet" ? Pass::kDuet : name == "profile" ? Pass::kProfile : Pass::kTrace;
}

TrialRecord ParseTrial(const JsonNode& root, std::string_view source) {
  RequireType(root, "trial");
  const auto integer = [&](std::string_view key, size_t max) {
    return root.Require(key).Integer(0, static_cast<int64_t>(max));
  };
  TrialRecord trial;
  trial.index = static_cast<size_t>(integer("index", limits::kTrialsMax));
  trial.repetition = static_cast<size_t>(integer("repetition", limits::kRepetitionsMax));
  if (const auto pass = root.Find("pass")) trial.pass = ParsePass(*pass);
  trial.architecture = root.Require("architecture").String();
  trial.connections = integer("connections", limits::kConnectionsMax);
  trial.workload = root.Require("workload").String();
  trial.started_utc = root.Require("started_utc").String();
  trial.seconds = root.Require("seconds").Number();
  trial.verdict = ParseVerdict(root.Require("verdict"));
  trial.metrics = MetricsFromJson(root.Require("metrics").value(), source);
  trial.load = NullOrObject(root.Require("load"));
  const JsonNode server = root.Require("server");
  trial.server_before = NullOrObject(server.Require("before"));
  trial.server_after = NullOrObject(server.Require("after"));
  trial.server_final = NullOrObject(server.Require("final"));
  if (trial.pass != Pass::kThroughput) {
    trial.findings = NullOrObject(root.Require("findings"));
  }
  const JsonNode canary = root.Require("canary");
  if (!canary.value().is_null()) {
    trial.canary = CanaryReading{.user_ns = canary.Require("user_ns").Number(),
                                 .syscall_ns = canary.Require("syscall_ns").Number(),
                                 .loopback_ns = {}};
    // Records of before 2026-11-27 lack it.
    if (const auto loopback = canary.Find("loopback_ns")) {
      trial.canary->loopback_ns = loopback->Number();
    }
  }
  return trial;
}

// Cells are told by what they are, not by their place in the plan, so that reports of old runs
// outlive a change of the order.
class Membership {
 public:
  explicit Membership(const Experiment& experiment) : experiment_(experiment) {}

  void Admit(const TrialRecord& trial, const JsonNode& root) {
    const auto& [architectures, connections, workloads] =
        std::tie(experiment_.architectures, experiment_.connections, experiment_.workloads);
    const bool belongs =
        std::ranges::count(architectures, trial.architecture, &ArchitectureLevel::label) == 1 &&
        std::ranges::count(connections, trial.connections) == 1 &&
        std::ranges::count(workloads, trial.workload, &Workload::name) == 1 &&
        trial.repetition < static_cast<size_t>(RepetitionsOf(experiment_, trial.pass));
    if (!belongs) root.Refuse("this trial does not belong to the experiment of the first line");
    const bool is_new = indexes_.insert(trial.index).second;
    if (!cells_
             .emplace(trial.pass, trial.architecture, trial.connections, trial.workload,
                      trial.repetition)
             .second ||
        !is_new) {
      root.Refuse("this trial appears twice; remove one of the two lines");
    }
  }

 private:
  const Experiment& experiment_;
  std::set<size_t> indexes_;
  std::set<std::tuple<Pass, std::string, int64_t, std::string, size_t>> cells_;
};

}  // namespace

json ToJson(const RunRecord& run) {
  return {{"type", "run"},
          {"schema_version", kTrialsSchemaVersion},
          {"run_id", run.run_id},
          {"created_utc", run.created_utc},
          {"experiment", ToJson(run.experiment)},
          {"experiment_fnv1a64", ExperimentFingerprint(run.experiment)},
          {"environment", run.environment},
          {"placement", {{"server_cpus", run.server_cpus}, {"client_cpus", run.client_cpus}}}};
}

json ToJson(const TrialRecord& trial) {
  json canary;
  if (trial.canary) {
    canary = {{"user_ns", trial.canary->user_ns}, {"syscall_ns", trial.canary->syscall_ns}};
    if (trial.canary->loopback_ns) canary["loopback_ns"] = *trial.canary->loopback_ns;
  }
  json object = {{"type", "trial"},
                 {"index", trial.index},
                 {"repetition", trial.repetition},
                 {"architecture", trial.architecture},
                 {"connections", trial.connections},
                 {"workload", trial.workload},
                 {"started_utc", trial.started_utc},
                 {"seconds", trial.seconds},
                 {"verdict", ToJson(trial.verdict)},
                 {"metrics", MetricsToJson(trial.metrics)},
                 {"load", trial.load},
                 {"server",
                  {{"before", trial.server_before},
                   {"after", trial.server_after},
                   {"final", trial.server_final}}},
                 {"canary", canary}};
  if (trial.pass != Pass::kThroughput) {
    object["pass"] = PassName(trial.pass);
    object["findings"] = trial.findings;
  }
  return object;
}

TrialLog ParseTrialLog(std::string_view text, std::string_view source) {
  TrialLog log;
  const size_t last_newline = text.rfind('\n');
  const size_t complete = last_newline == std::string_view::npos ? 0 : last_newline + 1;
  log.complete_bytes = complete;
  log.last_line_cut = complete != text.size();
  if (complete == 0) {
    throw UsageError(std::string(source) + ": holds no whole line; there is nothing to report");
  }
  std::optional<Membership> membership;
  size_t line_number = 0;
  for (size_t start = 0; start < complete;) {
    const size_t end = text.find('\n', start);
    const std::string where = std::string(source) + ":" + std::to_string(++line_number);
    const json document = ParseJsonStrictly(text.substr(start, end - start), where);
    const JsonNode root(document, where);
    if (line_number == 1) {
      log.run = ParseRun(root, where);
      membership.emplace(log.run.experiment);
    } else if (document.is_object() && document.value("type", json()) == "costs") {
      log.costs.push_back(ParseCostReading(root));
      if (log.costs.back().index + 1 != log.costs.size())
        root.Refuse("is not the next of its kind");
    } else {
      log.trials.push_back(ParseTrial(root, where));
      membership->Admit(log.trials.back(), root);
    }
    start = end + 1;
  }
  return log;
}

TrialLog ReadTrialLog(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  if (file) text << file.rdbuf();
  if (!file || file.bad()) {
    throw UsageError(path.string() + ": cannot be read; name the directory of a run");
  }
  return ParseTrialLog(text.view(), path.string());
}

}  // namespace crossover
