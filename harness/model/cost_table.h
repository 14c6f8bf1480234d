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
  // The median over the readings, ns; nullopt if it was not measured for just that.
  std::optional<double> Find(std::string_view name, int64_t connections = 0,
                             int64_t ready = 0) const;
  // Of one epoll_wait that returns so many `events` of that many connections, all of which are
  // ready ("wait_closed"): between those that were measured, and beyond them, along a straight
  // line. nullopt if fewer than two were.
  std::optional<double> WaitNs(int64_t connections, double events) const;

  // {readings, failed: [why], costs: [{name, connections, ready, ns, readings_ns:
  // [...]}], unavailable: [{name, connections, why}]}
  nlohmann::ordered_json ToJson() const;

 private:
  struct Step {
    StepCost cost;  // the median
    std::vector<double> readings_ns;
  };
  std::vector<Step> steps_;  // as they were told first
  std::vector<UnavailableCost> unavailable_;
  std::vector<std::string> failed_;
  size_t readings_ = 0;
};

}  // namespace crossover
