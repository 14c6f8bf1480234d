// Workload: what each connection asks for, and when. What an experiment varies beside architectures
// and connections, it varies here. Pure.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/json_node.h"

namespace crossover {

struct Workload {
  std::string name = "hello";
  std::string method = "GET";
  std::string path = "/";
  int64_t body_bytes = 0;    // of the request
  std::optional<double> at;  // place on the experiment's axis; none: the point without a limit
  std::string label;         // of that place; empty: see PlaceText

  // Closed loop.
  int64_t requests_per_connection = 0;   // 0: a connection lives as long as the trial
  std::string closer = "client";         // who closes it then: client or server
  std::optional<double> active_percent;  // of the connections, with a request under way at a time

  // Open loop, if there is a rate: requests are due whether or not earlier ones are answered.
  std::optional<double> rate_rps;
  std::optional<double> rate_percent;  // of the throughput of `percent_of` in the same repetition,
  std::string percent_of;              // a closed workload: the architecture's own capacity, or
  bool of_slowest = false;             // that of the slowest of all: the same rate for each
  std::string arrivals = "constant";   // or poisson
  std::optional<int64_t> deadline_ns;  // a request that is later than that is shed

  bool open() const { return rate_rps || rate_percent; }
  bool operator==(const Workload&) const = default;
};

// What the workloads of an experiment have in common, and differ in.
struct Axis {
  std::string label;  // "requests per connection"
  bool operator==(const Axis&) const = default;
};

Axis ParseAxis(const JsonNode& node);

// The array of workloads. With an axis every workload has a place on it, of its own, or is the one
// without a limit. Throws UsageError.
std::vector<Workload> ParseWorkloads(const JsonNode& node, bool has_axis);

// Names what is set, so that experiments of before a key was invented stay what they were.
nlohmann::json ToJson(const Workload& workload);

// How reports call the workload's place: the label, or the number on the axis, or the name.
std::string PlaceText(const Workload& workload);

// Why two servers can't take turns under it, in slices with idle connections in between; empty:
// they can.
std::string WhyNoDuet(const Workload& workload);

// Connections of `connections` that have a request under way at a time; at least 1.
int64_t ActiveConnections(const Workload& workload, int64_t connections);

// Requests per second that are due, at least 1; nullopt for a closed loop, and for a percentage
// without the `capacity_rps` that it is of.
std::optional<double> RateRps(const Workload& workload, std::optional<double> capacity_rps);

// Arguments of crossover-load for this workload, without the URL. `capacity_rps` as above.
std::vector<std::string> LoadArguments(const Workload& workload, int64_t connections,
                                       std::optional<double> capacity_rps);

}  // namespace crossover
