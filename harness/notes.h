// Notes: what a reader must know before the numbers, one sentence or two each.
#pragma once

#include <string>
#include <vector>

#include "harness/cell.h"
#include "harness/comparison.h"
#include "harness/trial_record.h"

namespace crossover {

// The weightiest first. Throws UsageError if the log's CPU lists are none.
std::vector<std::string> WriteNotes(const TrialLog& log, const std::vector<Cell>& cells,
                                    const std::vector<Comparison>& comparisons);

}  // namespace crossover
