// ProfileSummary: what the instruments found, in words and tables (Markdown); no statistic of its
// own.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace crossover {

// The sections "Where the CPU goes" and "What the scheduler does" of `report`, as BuildReport makes
// it; each empty if the experiment has no such trials.
std::string RenderProfileSummary(const nlohmann::ordered_json& report);

}  // namespace crossover
