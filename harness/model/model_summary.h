// The part of summary.md on what a request should cost by the costs of its steps.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace crossover {

// Empty if the report has no "model".
std::string RenderModelSummary(const nlohmann::ordered_json& report);

}  // namespace crossover
