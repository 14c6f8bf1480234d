// LoadMetrics: the metrics that the load generator's result holds.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>

#include "harness/metric.h"

namespace crossover {

// Sets throughput, latency, connect times, fairness and client CPU from `load`, the result of
// crossover-load; what it lacks becomes unavailable. `connect_all_seconds`: from its `connected`
// event. A pure function; never throws.
void SetLoadMetrics(const nlohmann::json& load, std::optional<double> connect_all_seconds,
                    Metrics& metrics);

}  // namespace crossover
