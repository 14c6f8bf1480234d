#include "harness/model/cost_table.h"

#include <algorithm>
#include <map>

#include "harness/statistics/median.h"

namespace crossover {

using nlohmann::ordered_json;

CostTable::CostTable(std::span<const CostReading> readings) : readings_(readings.size()) {
  for (const CostReading& reading : readings) {
    for (const StepCost& cost : reading.costs) {
      auto step = std::ranges::find_if(steps_, [&](const Step& each) {
        return each.cost.name == cost.name && each.cost.connections == cost.connections &&
               each.cost.ready == cost.ready;
      });
      if (step == steps_.end()) step = steps_.insert(step, {.cost = cost, .readings_ns = {}});
      step->readings_ns.push_back(cost.ns);
    }
    for (const UnavailableCost& each : reading.unavailable) {
      if (std::ranges::count(unavailable_, each) == 0) unavailable_.push_back(each);
    }
    if (!reading.failed.empty()) failed_.push_back(reading.failed);
  }
  for (Step& step : steps_) step.cost.ns = Median(step.readings_ns);
}

std::optional<double> CostTable::Find(std::string_view name, int64_t connections,
                                      int64_t ready) const {
  for (const Step& step : steps_) {
    const StepCost& cost = step.cost;
    if (cost.name == name && cost.connections == connections && cost.ready == ready) return cost.ns;
  }
  return std::nullopt;
}

std::optional<double> CostTable::WaitNs(int64_t connections, double events) const {
  std::map<double, double> ns_by_events;
  for (const Step& step : steps_) {
    if (step.cost.name != "wait_closed" || step.cost.connections != connections) continue;
    ns_by_events[static_cast<double>(step.cost.ready)] = step.cost.ns;
  }
  if (ns_by_events.size() < 2) return std::nullopt;
  auto right = ns_by_events.lower_bound(events);
  if (right == ns_by_events.begin()) ++right;
  if (right == ns_by_events.end()) --right;
  const auto left = std::prev(right);
  const double slope = (right->second - left->second) / (right->first - left->first);
  return std::max(0.0, left->second + slope * (events - left->first));
}

ordered_json CostTable::ToJson() const {
  ordered_json costs = ordered_json::array();
  for (const Step& step : steps_) {
    const StepCost& cost = step.cost;
    ordered_json& entry = costs.emplace_back(ordered_json{{"name", cost.name}});
    if (cost.connections > 0) entry["connections"] = cost.connections;
    if (cost.ready > 0) entry["ready"] = cost.ready;
    entry["ns"] = cost.ns;
    entry["readings_ns"] = step.readings_ns;
  }
  ordered_json unavailable = ordered_json::array();
  for (const UnavailableCost& each : unavailable_) {
    ordered_json& entry = unavailable.emplace_back(ordered_json{{"name", each.name}});
    if (each.connections > 0) entry["connections"] = each.connections;
    entry["why"] = each.why;
  }
  return {{"readings", readings_},
          {"failed", failed_},
          {"costs", std::move(costs)},
          {"unavailable", std::move(unavailable)}};
}

}  // namespace crossover
