// CostReading: what crossover-costs measured at one time: the CPU time of the single steps that a
// server's request is made of. See servers/costs/ for what each of them is.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/json_node.h"

namespace crossover {

struct StepCost {
  std::string name;         // "receive"
  int64_t connections = 0;  // or threads, that were in play; 0: it does not depend on them
  int64_t ready = 0;        // wait, wait_closed: events that were; else 0
  double ns = 0;
  bool operator==(const StepCost&) const = default;
};

struct UnavailableCost {
  std::string name;
  int64_t connections = 0;
  std::string why;
  bool operator==(const UnavailableCost&) const = default;
};

struct CostReading {
  size_t index = 0;  // from 0
  std::vector<StepCost> costs;
  std::vector<UnavailableCost> unavailable;
  std::string failed;  // why there are none, or not all; else empty
  // How long the loopback canary took beside it: mean of before and after.
  std::optional<double> loopback_ns;
  bool operator==(const CostReading&) const = default;
};

// Takes what crossover-costs says in a line: its "event" is "cost" or "unavailable". Throws
// UsageError if there is something wrong with it.
void AddLine(const JsonNode& line, CostReading& reading);

// A line of trials.jsonl, of the type "costs".
nlohmann::json ToJson(const CostReading& reading);
// The inverse. Throws UsageError.
CostReading ParseCostReading(const JsonNode& root);

}  // namespace crossover
