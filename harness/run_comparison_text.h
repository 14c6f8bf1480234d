// A RunComparison for people and for programs.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "harness/run_comparison.h"

namespace crossover {

// The whole output of `crossover compare`: the runs, warnings, how the machine differed, a line for
// each cell, and what was judged how. Ends with a newline.
std::string RenderRunComparison(const RunReport& a, const RunReport& b,
                                const RunComparison& comparison);

// The same, with every figure at full precision; docs/compare.md has the keys.
nlohmann::ordered_json ToJson(const RunReport& a, const RunReport& b,
                              const RunComparison& comparison);

}  // namespace crossover
