// CostTable: the costs of the single steps over all readings of a run.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "harness/model/cost_reading.h"

namespace crossover {

// Pure. Any thread.
class CostTable {
 public:
  explicit CostTable(std::span<const CostReading> readings);

  bool empty() const { return steps_.empty(); }
  // The loopback canary's time to which all costs are converted: the median of the readings'.
  // nullopt if one of them has none; the costs are then as they were read.
  std::optional<double> loopback_ns() const { return loopback_ns_; }
  // The median over the readings, ns, converted; nullopt if it was not measured for just that.
  std::optional<double> Find(std::string_view name, int64_t connections = 0,
                             int64_t ready = 0) const;
  // Of one epoll_wait that returns so many `events` of that many connections, all of which are
  // ready ("wait_closed"): between those that were measured, and beyond them, along a straight
  // line. nullopt if fewer than two were.
  std::optional<double> WaitNs(int64_t connections, double events) const;

  // {readings, loopback_ns, failed: [why], costs: [{name, connections, ready, ns, readings_ns:
  // [...]}], unavailable: [{name, connections, why}]}
  nlohmann::ordered_json ToJson() const;

 private:
  struct Step {
    StepCost cost;                     // the median
    std::vector<double> readings_ns;   // as they were read
    std::vector<double> converted_ns;  // to a machine of the median speed
  };
  std::vector<Step> steps_;  // as they were told first
  std::vector<UnavailableCost> unavailable_;
  std::vector<std::string> failed_;
  std::optional<double> loopback_ns_;
  size_t readings_ = 0;
};

}  // namespace crossover
