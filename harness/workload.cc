#include "harness/workload.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <set>
#include <utility>

#include "base/clock.h"
#include "base/limits.h"
#include "harness/experiment.h"
#include "harness/names.h"

namespace crossover {
namespace {

using nlohmann::json;

constexpr double kRateRpsMax = 1e9;
constexpr double kRatePercentMax = 1000;
constexpr double kWholeMax = 9007199254740992;  // 2^53

std::string ShortText(double number) {
  char text[64];  // none is above 2^53, or has more digits than a double
  const auto [end, error] =
      std::to_chars(text, text + sizeof text, number, std::chars_format::fixed);
  return error == std::errc() ? std::string(text, end) : std::string();
}

// As people write it: 10, not 10.0.
json NumberJson(double number) {
  if (number == std::floor(number) && std::abs(number) < kWholeMax) {
    return static_cast<int64_t>(number);
  }
  return number;
}

double PositiveNumber(const JsonNode& node, double max) {
  const double number = node.Number();
  if (!(number > 0 && number <= max)) {
    node.Refuse("must be above 0 and at most " + ShortText(max));
  }
  return number;
}

std::string NonEmptyLine(const JsonNode& node) {
  std::string text = ParseLine(node, limits::kNameBytesMax);
  if (text.empty()) node.Refuse("must not be empty");
  return text;
}

void ParseRequest(const JsonNode& node, Workload& workload) {
  static constexpr std::array<std::string_view, 3> kMethods = {"GET", "HEAD", "POST"};
  if (const auto method = node.Find("method")) workload.method = method->Choice(kMethods);
  if (const auto path = node.Find("path")) {
    workload.path = path->String();
    if (!workload.path.starts_with('/') || workload.path.size() > limits::kPathBytesMax ||
        workload.path.find_first_of(" #") != std::string::npos ||
        HasControlCharacter(workload.path)) {
      path->Refuse("must be a path such as /bytes/1024, without spaces");
    }
  }
  if (const auto body = node.Find("body_bytes")) {
    workload.body_bytes = body->Integer(0, static_cast<int64_t>(limits::kBodyBytesMax));
    if (workload.body_bytes > 0 && workload.method != "POST") {
      body->Refuse("a body needs \"method\":\"POST\"");
    }
  }
}

void ParseConnectionUse(const JsonNode& node, Workload& workload) {
  static constexpr std::array<std::string_view, 2> kClosers = {"client", "server"};
  if (const auto requests = node.Find("requests_per_connection")) {
    workload.requests_per_connection =
        requests->Integer(0, static_cast<int64_t>(limits::kRequestsMax));
  }
  if (const auto closer = node.Find("closer")) {
    workload.closer = closer->Choice(kClosers);
    if (workload.requests_per_connection == 0) {
      closer->Refuse("needs \"requests_per_connection\", after which a connection is closed");
    }
  }
  if (const auto percent = node.Find("active_percent")) {
    workload.active_percent = PositiveNumber(*percent, 100);
    if (workload.requests_per_connection > 0) {
      percent->Refuse(
          "connections of which only some are active can't be closed meanwhile; leave "
          "out \"requests_per_connection\"");
    }
  }
}

void ParseRateKeys(const JsonNode& node, Workload& workload) {
  static constexpr std::array<std::string_view, 2> kArrivals = {"constant", "poisson"};
  if (const auto rate = node.Find("rate")) workload.rate_rps = PositiveNumber(*rate, kRateRpsMax);
  if (const auto percent = node.Find("rate_percent")) {
    workload.rate_percent = PositiveNumber(*percent, kRatePercentMax);
    if (workload.rate_rps) percent->Refuse("there is a \"rate\" already; leave out one of them");
    workload.percent_of = node.Require("percent_of",
                                       "the name of the workload whose throughput "
                                       "is 100 %, \"percent_of\":\"closed\"")
                              .String();
    static constexpr std::array<std::string_view, 2> kWhose = {"own", "slowest"};
    if (const auto whose = node.Find("capacity_of")) {
      workload.of_slowest = whose->Choice(kWhose) == "slowest";
    }
  } else if (const auto whose = node.Find("capacity_of")) {
    whose->Refuse("needs a \"rate_percent\"");
  } else if (const auto of = node.Find("percent_of")) {
    of->Refuse("needs a \"rate_percent\"");
  }
  const auto needs_rate = [&](std::string_view key) {
    auto member = node.Find(key);
    if (member && !workload.open()) {
      member->Refuse("a closed loop has none; add a \"rate\" or \"rate_percent\"");
    }
    return member;
  };
  if (const auto arrivals = needs_rate("arrivals")) workload.arrivals = arrivals->Choice(kArrivals);
  if (const auto deadline = needs_rate("deadline")) {
    workload.deadline_ns = deadline->DurationNs(kNsPerMs);
  }
  if (workload.open() && workload.active_percent) {
    node.Refuse(
        "with a rate, the rate tells which connections are active; leave out "
        "\"active_percent\"");
  }
}

void ParsePlace(const JsonNode& node, bool has_axis, Workload& workload) {
  if (const auto at = node.Find("at"); at && !at->value().is_null()) {
    if (!has_axis) at->Refuse("the experiment has no \"axis\" for it to be a place on");
    workload.at = at->Number();
    if (!(*workload.at >= 0 && *workload.at <= kWholeMax)) {
      at->Refuse("must be from 0 to " + ShortText(kWholeMax));
    }
  }
  if (const auto label = node.Find("label")) workload.label = NonEmptyLine(*label);
}

Workload ParseWorkload(const JsonNode& node, bool has_axis) {
  static constexpr std::array<std::string_view, 15> kKeys = {"name",
                                                             "method",
                                                             "path",
                                                             "body_bytes",
                                                             "at",
                                                             "label",
                                                             "closer",
                                                             "active_percent",
                                                             "requests_per_connection",
                                                             "rate",
                                                             "rate_percent",
                                                             "percent_of",
                                                             "capacity_of",
                                                             "arrivals",
                                                             "deadline"};
  node.RequireObject(kKeys);
  Workload workload;
  workload.name = ParseName(node.Require("name", "\"name\":\"hello\""));
  ParseRequest(node, workload);
  ParsePlace(node, has_axis, workload);
  ParseConnectionUse(node, workload);
  ParseRateKeys(node, workload);
  return workload;
}

// What only shows among all of them: places, and whose throughput is 100 %.
void CheckAmongAll(const std::vector<JsonNode>& nodes, const std::vector<Workload>& workloads,
                   bool has_axis) {
  std::set<std::optional<double>> places;
  for (size_t i = 0; i < workloads.size(); ++i) {
    const Workload& workload = workloads[i];
    if (has_axis && !places.insert(workload.at).second) {
      nodes[i].Refuse(workload.at ? "another workload is at the same place on the axis"
                                  : "has no \"at\", its place on the axis; only one workload, "
                                    "that without a limit, may lack it");
    }
    if (!workload.rate_percent) continue;
    const auto whole = std::ranges::find(workloads, workload.percent_of, &Workload::name);
    if (whole == workloads.end() || whole->open()) {
      nodes[i].Refuse(
          "percent_of must name a workload of this experiment without a rate, whose "
          "throughput is 100 %");
    }
  }
}

}  // namespace

Axis ParseAxis(const JsonNode& node) {
  static constexpr std::array<std::string_view, 1> kKeys = {"label"};
  node.RequireObject(kKeys);
  return {.label = NonEmptyLine(node.Require("label", "\"label\":\"requests per connection\""))};
}

std::vector<Workload> ParseWorkloads(const JsonNode& node, bool has_axis) {
  std::vector<Workload> workloads;
  std::set<std::string> names;
  const std::vector<JsonNode> elements = node.Elements();
  if (elements.empty()) node.Refuse("is empty; name at least one");
  for (const JsonNode& element : elements) {
    workloads.push_back(ParseWorkload(element, has_axis));
    if (!names.insert(workloads.back().name).second) {
      element.Refuse("the name '" + workloads.back().name + "' is taken; give it another");
    }
  }
  CheckAmongAll(elements, workloads, has_axis);
  return workloads;
}

json ToJson(const Workload& workload) {
  json object = {{"name", workload.name},
                 {"method", workload.method},
                 {"path", workload.path},
                 {"body_bytes", workload.body_bytes}};
  if (workload.at) object["at"] = NumberJson(*workload.at);
  if (!workload.label.empty()) object["label"] = workload.label;
  if (workload.requests_per_connection > 0) {
    object["requests_per_connection"] = workload.requests_per_connection;
    object["closer"] = workload.closer;
  }
  if (workload.active_percent) object["active_percent"] = NumberJson(*workload.active_percent);
  if (workload.rate_rps) object["rate"] = NumberJson(*workload.rate_rps);
  if (workload.rate_percent) {
    object["rate_percent"] = NumberJson(*workload.rate_percent);
    object["percent_of"] = workload.percent_of;
    if (workload.of_slowest) object["capacity_of"] = "slowest";
  }
  if (workload.open()) object["arrivals"] = workload.arrivals;
  if (workload.deadline_ns) object["deadline"] = DurationText(*workload.deadline_ns);
  return object;
}

std::string PlaceText(const Workload& workload) {
  if (!workload.label.empty()) return workload.label;
  return workload.at ? ShortText(*workload.at) : workload.name;
}

std::string WhyNoDuet(const Workload& workload) {
  if (workload.open()) return "an open loop can't be loaded in turns";
  if (workload.requests_per_connection > 0) return "its connections don't last";
  return {};
}

int64_t ActiveConnections(const Workload& workload, int64_t connections) {
  const double share = workload.active_percent.value_or(100) / 100;
  return std::max<int64_t>(1, std::llround(share * static_cast<double>(connections)));
}

std::optional<double> RateRps(const Workload& workload, std::optional<double> capacity_rps) {
  if (workload.rate_rps) return workload.rate_rps;
  if (!workload.rate_percent || !capacity_rps) return std::nullopt;
  return std::clamp(std::round(*workload.rate_percent / 100 * *capacity_rps), 1.0, kRateRpsMax);
}

std::vector<std::string> LoadArguments(const Workload& workload, int64_t connections,
                                       std::optional<double> capacity_rps) {
  std::vector<std::string> arguments = {"--method", workload.method};
  const auto add = [&](const char* flag, const std::string& value) {
    arguments.emplace_back(flag);
    arguments.push_back(value);
  };
  if (workload.body_bytes > 0) add("--body-bytes", std::to_string(workload.body_bytes));
  if (workload.requests_per_connection > 0) {
    add("--requests-per-connection", std::to_string(workload.requests_per_connection));
    add("--closer", workload.closer);
  }
  // All of them is what it does by itself.
  const int64_t active = ActiveConnections(workload, connections);
  if (active < connections) add("--active", std::to_string(active));
  if (const auto rate = RateRps(workload, capacity_rps)) {
    add("--rate", ShortText(*rate));
    add("--arrivals", workload.arrivals);
  }
  if (workload.deadline_ns) add("--shed-after", DurationText(*workload.deadline_ns));
  return arguments;
}

}  // namespace crossover
