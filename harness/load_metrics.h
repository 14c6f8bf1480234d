// LoadMetrics: the metrics that the load generator's result holds.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>

#include "harness/metric.h"

namespace crossover {

// Why a trial in a closed loop lacks the metrics of what was offered: as it should.
inline constexpr std::string_view kOpenLoopOnly = "only an open loop has it";

// Sets throughput, latency, what was offered, connect times, fairness and client CPU from `load`,
// the result of crossover-load; what it lacks becomes unavailable. `connect_all_seconds`: from its
// `connected` event. A pure function; never throws.
void SetLoadMetrics(const nlohmann::json& load, std::optional<double> connect_all_seconds,
                    Metrics& metrics);

}  // namespace crossover
