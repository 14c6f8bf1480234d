// Prediction: the CPU time of a request as a sum of counts times costs, beside what was measured.
// Nothing in it is fitted: the counts come from the cell's trace, the costs from crossover-costs in
// the same run. What the sum lacks, or has too much, is shown.
#pragma once

#include <nlohmann/json.hpp>

#include "harness/model/cost_table.h"
#include "harness/workload.h"

namespace crossover {

// A prediction this near to what was measured counts as right.
inline constexpr double kPredictionTolerance = 0.15;

// `cell`: an entry of the report's "cells" with its "trace"; `architecture`: the name that
// crossover-server knows it by. {predicted_us, measured_us, ratio, parts: [{part, label, us, steps:
// [{step, count, ns}]}]}: per request, `ratio` of predicted to measured, null if nothing was
// measured; or {unavailable: why}. Costs are known of a small GET in
// a closed loop on connections that stay.
nlohmann::ordered_json PredictCell(const nlohmann::ordered_json& cell,
                                   const std::string& architecture, const Workload& workload,
                                   const CostTable& costs);

// Over the predictions of all valid cells: {tolerance, cells, within}.
nlohmann::ordered_json JudgePredictions(const nlohmann::ordered_json& cells);

}  // namespace crossover
