// Explanation: why one architecture takes more CPU per request than another, in named parts that
// add up to the difference.
#pragma once

#include <nlohmann/json.hpp>

namespace crossover {

// For every number of connections and workload, every architecture against the baseline, from the
// "cells" of a report; where both have a profile and a CPU per request. Each is
// {connections, workload, architecture, baseline, difference_us, parts: [{class, label, us}],
// named_share, text}; the parts, largest first, are of the architecture minus the baseline.
nlohmann::ordered_json ExplainDifferences(const nlohmann::ordered_json& cells,
                                          const std::string& baseline);

}  // namespace crossover
