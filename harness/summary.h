// Summary: the report in words and tables (Markdown), generated; it adds no statistic of its own.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace crossover {

// The Markdown text of `report`, as BuildReport makes it.
std::string RenderSummary(const nlohmann::ordered_json& report);

}  // namespace crossover
