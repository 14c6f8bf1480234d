#include "harness/experiment.h"

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "base/check.h"
#include "base/clock.h"
#include "base/cpu_list.h"
#include "base/error.h"
#include "base/json_node.h"
#include "base/limits.h"
#include "harness/names.h"
#include "harness/placement.h"

namespace crossover {
namespace {

using nlohmann::json;
using Keys = std::span<const std::string_view>;

constexpr int64_t kSeedMax = (int64_t{1} << 53) - 1;  // exact in every JSON reader
constexpr int64_t kDurationMinNs = 100 * kNsPerMs;    // a window worth dividing into intervals
constexpr int64_t kTimeoutMinNs = kNsPerMs;
constexpr int64_t kInstrumentDurationMinNs = kNsPerSecond;  // some slices
constexpr int64_t kDuetSliceMinNs = 10 * kNsPerMs;
constexpr int64_t kDuetSliceMaxNs = 60 * kNsPerSecond;

int64_t Signed(size_t limit) { return static_cast<int64_t>(limit); }

ArchitectureFlags ParseOptions(const JsonNode& node) {
  static constexpr std::array<std::string_view, 10> kKeys = {
      "workers",   "workers_max", "overflow",     "stack_bytes",    "batch",
      "busy_poll", "backlog",     "idle_timeout", "header_timeout", "slow_down"};
  static constexpr std::array<std::string_view, 3> kOverflows = {"reject", "queue", "grow"};
  node.RequireObject(kKeys);
  ArchitectureFlags options;
  const auto integer = [&](std::string_view key, int64_t min, int64_t max) {
    const auto member = node.Find(key);
    return member ? std::optional<int64_t>(member->Integer(min, max)) : std::nullopt;
  };
  const auto duration_ns = [&](std::string_view key, int64_t min_ns) {
    const auto member = node.Find(key);
    return member ? std::optional<int64_t>(member->DurationNs(min_ns)) : std::nullopt;
  };
  options.workers = integer("workers", 0, Signed(limits::kThreadsMax));
  options.workers_max = integer("workers_max", 1, Signed(limits::kPoolWorkersMax));
  if (const auto overflow = node.Find("overflow")) options.overflow = overflow->Choice(kOverflows);
  options.stack_bytes =
      integer("stack_bytes", Signed(limits::kStackBytesMin), Signed(limits::kStackBytesMax));
  options.batch = integer("batch", 1, Signed(limits::kBatchMax));
  options.busy_poll_ns = duration_ns("busy_poll", 0);
  options.backlog = integer("backlog", 1, limits::kBacklogMax);
  options.idle_timeout_ns = duration_ns("idle_timeout", kTimeoutMinNs);
  options.header_timeout_ns = duration_ns("header_timeout", kTimeoutMinNs);
  if (const auto slow_down = node.Find("slow_down")) {
    options.slow_down = ParseLine(*slow_down, limits::kNameBytesMax);
  }
  return options;
}

ArchitectureLevel ParseArchitecture(const JsonNode& node, Keys known) {
  static constexpr std::array<std::string_view, 3> kKeys = {"name", "label", "options"};
  const bool is_object = node.value().is_object();
  if (is_object) {
    node.RequireObject(kKeys);
  } else if (!node.value().is_string()) {
    node.Refuse("must be the name of an architecture, or {\"name\":...,\"options\":{...}}");
  }
  const JsonNode name = is_object ? node.Require("name", "\"name\":\"epoll-pool\"") : node;
  ArchitectureLevel level;
  level.name = ParseName(name);
  if (!known.empty()) name.Choice(known);
  level.label = level.name;
  if (!is_object) return level;
  if (const auto label = node.Find("label")) level.label = ParseName(*label);
  if (const auto options = node.Find("options")) level.options = ParseOptions(*options);
  return level;
}

std::vector<JsonNode> NonEmptyElements(const JsonNode& node) {
  std::vector<JsonNode> elements = node.Elements();
  if (elements.empty()) node.Refuse("is empty; name at least one");
  return elements;
}

std::vector<ArchitectureLevel> ParseArchitectures(const JsonNode& node,
                                                  std::span<const std::string> known_names) {
  const std::vector<std::string_view> known(known_names.begin(), known_names.end());
  std::vector<ArchitectureLevel> levels;
  std::set<std::string> labels;
  for (const JsonNode& element : NonEmptyElements(node)) {
    levels.push_back(ParseArchitecture(element, known));
    if (!labels.insert(levels.back().label).second) {
      element.Refuse("the label '" + levels.back().label +
                     "' is taken; give each entry a \"label\" of its own");
    }
  }
  return levels;
}

std::vector<int64_t> ParseConnections(const JsonNode& node) {
  std::set<int64_t> counts;
  for (const JsonNode& element : NonEmptyElements(node)) {
    if (!counts.insert(element.Integer(1, Signed(limits::kConnectionsMax))).second) {
      element.Refuse("appears twice; name each number of connections once");
    }
  }
  return {counts.begin(), counts.end()};
}

LoadSettings ParseLoad(const JsonNode& node) {
  static constexpr std::array<std::string_view, 7> kKeys = {
      "threads",       "busy_poll",       "warmup",         "duration",
      "drain_timeout", "connect_timeout", "request_timeout"};
  node.RequireObject(kKeys);
  LoadSettings load;
  if (const auto threads = node.Find("threads")) {
    load.threads = threads->Integer(0, Signed(limits::kThreadsMax));
  }
  if (const auto busy_poll = node.Find("busy_poll")) load.busy_poll = busy_poll->Bool();
  const auto duration = [&](std::string_view key, int64_t min_ns, int64_t& value_ns) {
    if (const auto member = node.Find(key)) value_ns = member->DurationNs(min_ns);
  };
  duration("warmup", 0, load.warmup_ns);
  duration("duration", kDurationMinNs, load.duration_ns);
  duration("drain_timeout", kTimeoutMinNs, load.drain_timeout_ns);
  duration("connect_timeout", kTimeoutMinNs, load.connect_timeout_ns);
  duration("request_timeout", kTimeoutMinNs, load.request_timeout_ns);
  return load;
}

DuetSettings ParseDuet(const JsonNode& node) {
  static constexpr std::array<std::string_view, 5> kKeys = {"repetitions", "pairs", "precision",
                                                            "time_limit", "slice"};
  node.RequireObject(kKeys);
  DuetSettings duet;
  if (const auto repetitions = node.Find("repetitions")) {
    duet.repetitions = repetitions->Integer(1, Signed(limits::kRepetitionsMax));
    if (duet.repetitions == 2)
      repetitions->Refuse("must be 1, or 3 and more: two have no interval");
  }
  if (const auto pairs = node.Find("pairs")) {
    duet.pairs = pairs->Integer(3, Signed(limits::kDuetPairsMax));
  }
  if (const auto precision = node.Find("precision")) {
    duet.precision = precision->Number();
    if (!(duet.precision > 0 && duet.precision < 1)) {
      precision->Refuse("must be between 0 and 1: 0.02 is an interval of 2 % to each side");
    }
  }
  if (const auto limit = node.Find("time_limit")) {
    duet.time_limit_ns = limit->DurationNs(kInstrumentDurationMinNs);
  }
  if (const auto slice = node.Find("slice")) {
    duet.slice_ns = slice->DurationNs(kDuetSliceMinNs);
    if (duet.slice_ns > kDuetSliceMaxNs)
      slice->Refuse("is longer than a minute, which is no slice");
  }
  return duet;
}

InstrumentSettings ParseInstrument(const JsonNode& node, bool samples) {
  static constexpr std::array<std::string_view, 3> kKeys = {"repetitions", "duration",
                                                            "samples_per_second"};
  node.RequireObject(Keys(kKeys).first(samples ? 3 : 2));
  InstrumentSettings settings;
  if (const auto repetitions = node.Find("repetitions")) {
    settings.repetitions = repetitions->Integer(1, Signed(limits::kRepetitionsMax));
  }
  if (const auto duration = node.Find("duration")) {
    settings.duration_ns = duration->DurationNs(kInstrumentDurationMinNs);
    if (settings.duration_ns > limits::kInstrumentDurationMaxNs) {
      duration->Refuse("is more than " + DurationText(limits::kInstrumentDurationMaxNs) +
                       ", for which there is no room; use more repetitions");
    }
  }
  if (const auto rate = node.Find("samples_per_second")) {
    settings.samples_per_second = rate->Integer(10, limits::kSamplesPerSecondMax);
  }
  return settings;
}

int64_t ParseCosts(const JsonNode& node) {
  static constexpr std::array<std::string_view, 1> kKeys = {"repetitions"};
  node.RequireObject(kKeys);
  const auto repetitions = node.Find("repetitions");
  return repetitions ? repetitions->Integer(1, Signed(limits::kRepetitionsMax)) : 3;
}

Placement ParsePlacement(const JsonNode& node) {
  static constexpr std::array<std::string_view, 2> kModes = {"isolated", "shared"};
  static constexpr std::array<std::string_view, 2> kKeys = {"server", "client"};
  Placement placement;
  if (node.value().is_string()) {
    if (node.Choice(kModes) == "shared") placement.mode = Placement::Mode::kShared;
    return placement;
  }
  if (!node.value().is_object()) {
    node.Refuse("must be \"isolated\", \"shared\" or {\"server\":\"0\",\"client\":\"1\"}");
  }
  node.RequireObject(kKeys);
  const auto cpus = [&](std::string_view key, std::string_view example) {
    const JsonNode list = node.Require(key, example);
    const std::string text = list.String();
    try {
      return ParseCpuList(text, list.path());
    } catch (const UsageError&) {
      list.Refuse("'" + text + "' is not a list of CPUs; write it as 0-3,8");
    }
  };
  placement.mode = Placement::Mode::kExplicit;
  placement.server_cpus = cpus("server", "\"server\":\"0\"");
  placement.client_cpus = cpus("client", "\"client\":\"1\"");
  std::vector<int> both;
  std::set_intersection(placement.server_cpus.begin(), placement.server_cpus.end(),
                        placement.client_cpus.begin(), placement.client_cpus.end(),
                        std::back_inserter(both));
  // Sharing all of them can only be meant; sharing some is a slip that would spoil every number.
  if (!both.empty() && placement.server_cpus != placement.client_cpus) {
    node.Refuse("server and client share CPU " + FormatCpuList(both) +
                "; give them disjoint lists, or twice the same one");
  }
  return placement;
}

std::vector<std::string> ParseCommandPrefix(const JsonNode& node) {
  std::vector<std::string> words;
  for (const JsonNode& element : node.Elements()) {
    words.push_back(element.String());
    if (words.size() > limits::kLauncherWordsMax || words.back().empty() ||
        words.back().size() > limits::kPathBytesMax || HasControlCharacter(words.back())) {
      element.Refuse("a launcher is at most " + std::to_string(limits::kLauncherWordsMax) +
                     " words, each of 1 to " + std::to_string(limits::kPathBytesMax) +
                     " printable bytes");
    }
  }
  return words;
}

Launcher ParseLauncher(const JsonNode& node) {
  static constexpr std::array<std::string_view, 2> kKeys = {"server", "client"};
  node.RequireObject(kKeys);
  Launcher launcher;
  if (const auto server = node.Find("server")) launcher.server = ParseCommandPrefix(*server);
  if (const auto client = node.Find("client")) launcher.client = ParseCommandPrefix(*client);
  return launcher;
}

void CheckTrialCount(const Experiment& experiment, const JsonNode& root) {
  // Each factor is far below 2^20 (the file's size bounds the lists), so this cannot overflow.
  const uint64_t cells = uint64_t{experiment.architectures.size()} * experiment.connections.size() *
                         experiment.workloads.size();
  uint64_t repetitions = static_cast<uint64_t>(experiment.repetitions);
  if (experiment.duet) ++repetitions;
  for (const auto& instrument : {experiment.profile, experiment.trace}) {
    if (instrument) repetitions += static_cast<uint64_t>(instrument->repetitions);
  }
  const uint64_t trials = cells * repetitions;
  if (cells > limits::kTrialsMax || trials > limits::kTrialsMax) {
    root.Refuse("asks for " + std::to_string(trials) + " trials, and " +
                std::to_string(limits::kTrialsMax) +
                " is the limit; name fewer levels or repetitions");
  }
}

}  // namespace

const InstrumentSettings& SettingsOf(const Experiment& experiment, Pass pass) {
  const auto& settings = pass == Pass::kProfile ? experiment.profile : experiment.trace;
  CHECK((pass == Pass::kProfile || pass == Pass::kTrace) && settings);
  return *settings;
}

int64_t RepetitionsOf(const Experiment& experiment, Pass pass) {
  if (pass == Pass::kThroughput) return experiment.repetitions;
  if (pass == Pass::kDuet) {
    return experiment.duet ? std::min(experiment.duet->repetitions, experiment.repetitions) : 0;
  }
  const auto& settings = pass == Pass::kProfile ? experiment.profile : experiment.trace;
  return settings ? settings->repetitions : 0;
}

int64_t WindowNs(const Experiment& experiment, Pass pass) {
  if (pass == Pass::kThroughput) return experiment.load.duration_ns;
  if (pass == Pass::kDuet) return experiment.duet->time_limit_ns;
  return SettingsOf(experiment, pass).duration_ns;
}

Experiment ParseExperiment(std::string_view text, std::string_view source,
                           std::span<const std::string> known_architectures) {
  static constexpr std::array<std::string_view, 16> kKeys = {
      "name",        "description", "seed",      "repetitions", "placement", "architectures",
      "connections", "axis",        "workloads", "load",        "duet",      "profile",
      "trace",       "costs",       "canary",    "launcher"};
  if (text.size() > limits::kExperimentFileBytesMax) {
    throw UsageError(std::string(source) + ": larger than " +
                     std::to_string(limits::kExperimentFileBytesMax) +
                     " bytes, which no experiment file is; name the right file");
  }
  const json document = ParseJsonStrictly(text, source);
  const JsonNode root(document, source);
  root.RequireObject(kKeys);
  Experiment experiment;
  experiment.name = ParseName(root.Require("name", "\"name\":\"my-experiment\""));
  if (const auto node = root.Find("description")) {
    experiment.description = ParseLine(*node, limits::kDescriptionBytesMax);
  }
  if (const auto node = root.Find("seed")) {
    experiment.seed = static_cast<uint64_t>(node->Integer(0, kSeedMax));
  }
  if (const auto node = root.Find("repetitions")) {
    experiment.repetitions = node->Integer(1, Signed(limits::kRepetitionsMax));
  }
  if (const auto node = root.Find("placement")) experiment.placement = ParsePlacement(*node);
  experiment.architectures = ParseArchitectures(
      root.Require("architectures", "\"architectures\":[\"epoll-pool\"]"), known_architectures);
  experiment.connections =
      ParseConnections(root.Require("connections", "\"connections\":[200,8000]"));
  if (const auto node = root.Find("axis")) experiment.axis = ParseAxis(*node);
  if (const auto node = root.Find("workloads")) {
    experiment.workloads = ParseWorkloads(*node, experiment.axis.has_value());
  } else if (experiment.axis) {
    root.Refuse("has an \"axis\", and no \"workloads\" that are places on it");
  }
  if (const auto node = root.Find("load")) experiment.load = ParseLoad(*node);
  const CpuSets placed{.server = experiment.placement.server_cpus,
                       .client = experiment.placement.client_cpus};
  if (experiment.load.busy_poll &&
      (experiment.placement.mode == Placement::Mode::kShared || placed.Overlap())) {
    root.Require("load")
        .Require("busy_poll")
        .Refuse(
            "would take the CPU from a server that is placed on it as well; leave it out, or set "
            "\"placement\": \"isolated\"");
  }
  if (const auto node = root.Find("duet")) experiment.duet = ParseDuet(*node);
  if (const auto node = root.Find("profile")) experiment.profile = ParseInstrument(*node, true);
  if (const auto node = root.Find("trace")) experiment.trace = ParseInstrument(*node, false);
  if (const auto node = root.Find("costs")) experiment.cost_readings = ParseCosts(*node);
  if (const auto node = root.Find("canary")) experiment.canary = node->Bool();
  if (const auto node = root.Find("launcher")) experiment.launcher = ParseLauncher(*node);
  CheckTrialCount(experiment, root);
  return experiment;
}

}  // namespace crossover
