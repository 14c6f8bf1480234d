#include "harness/model/cost_reading.h"

#include "base/limits.h"

namespace crossover {
namespace {

using nlohmann::json;

int64_t CountOr0(const JsonNode& node, std::string_view key) {
  const auto found = node.Find(key);
  return found ? found->Integer(1, static_cast<int64_t>(limits::kConnectionsMax)) : 0;
}

StepCost ParseCost(const JsonNode& node) {
  StepCost cost{.name = node.Require("name").String(),
                .connections = CountOr0(node, "connections"),
                .ready = CountOr0(node, "ready"),
                .ns = node.Require("ns").Number()};
  if (!(cost.ns >= 0)) node.Require("ns").Refuse("must be 0 or more");
  return cost;
}

UnavailableCost ParseUnavailable(const JsonNode& node) {
  return {.name = node.Require("name").String(),
          .connections = CountOr0(node, "connections"),
          .why = node.Require("why").String()};
}

// Of the samples of a switch: more of them without anybody awake, and the figure is of waiting for
// the peer.
constexpr double kRanDryMax = 0.2;

}  // namespace

void AddLine(const JsonNode& line, CostReading& reading) {
  if (line.Require("event").String() == "cost") {
    const StepCost cost = ParseCost(line);
    const auto ran_dry = line.Find("ran_dry");
    if (ran_dry && ran_dry->Number() > kRanDryMax) {
      reading.unavailable.push_back({.name = cost.name,
                                     .connections = cost.connections,
                                     .why = "the peer did not keep the server's CPU busy"});
    } else {
      reading.costs.push_back(cost);
    }
  } else {
    reading.unavailable.push_back(ParseUnavailable(line));
  }
}

json ToJson(const CostReading& reading) {
  json costs = json::array();
  for (const StepCost& cost : reading.costs) {
    json& entry = costs.emplace_back(json{{"name", cost.name}, {"ns", cost.ns}});
    if (cost.connections > 0) entry["connections"] = cost.connections;
    if (cost.ready > 0) entry["ready"] = cost.ready;
  }
  json unavailable = json::array();
  for (const UnavailableCost& each : reading.unavailable) {
    json& entry = unavailable.emplace_back(json{{"name", each.name}, {"why", each.why}});
    if (each.connections > 0) entry["connections"] = each.connections;
  }
  json object = {{"type", "costs"},
                 {"index", reading.index},
                 {"costs", std::move(costs)},
                 {"unavailable", std::move(unavailable)}};
  if (!reading.failed.empty()) object["failed"] = reading.failed;
  if (reading.loopback_ns) object["loopback_ns"] = *reading.loopback_ns;
  return object;
}

CostReading ParseCostReading(const JsonNode& root) {
  CostReading reading;
  reading.index =
      static_cast<size_t>(root.Require("index").Integer(0, int64_t{limits::kRepetitionsMax}));
  for (const JsonNode& node : root.Require("costs").Elements()) {
    reading.costs.push_back(ParseCost(node));
  }
  for (const JsonNode& node : root.Require("unavailable").Elements()) {
    reading.unavailable.push_back(ParseUnavailable(node));
  }
  if (const auto failed = root.Find("failed")) reading.failed = failed->String();
  if (const auto loopback = root.Find("loopback_ns")) reading.loopback_ns = loopback->Number();
  return reading;
}

}  // namespace crossover
