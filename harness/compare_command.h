// crossover compare: one run's report against another's.
#pragma once

#include <filesystem>
#include <string>

#include "harness/run_comparison.h"

namespace crossover {

struct CompareChoice {
  std::filesystem::path a;  // a report.json, or the directory of a run
  std::filesystem::path b;
  std::string metric = "cpu_us_per_request";
  std::string fail_if_slower;  // "3%"; empty: no gate
  Judged judged = Judged::kAutomatic;
  std::filesystem::path json;  // also written there; empty: nowhere
};

// Prints the comparison to stdout. 0; 1: a gate was set, and a cell is shown to be worse by more
// than that. Throws UsageError for bad input, after having printed also if a gate was set and no
// cell could be judged; system_error if a file can't be written. Main thread only.
int CompareCommand(const CompareChoice& choice);

}  // namespace crossover
