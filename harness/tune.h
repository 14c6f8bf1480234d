// Tune: finds how each architecture runs best on this host before they are compared, so that no
// default favours one of them (the method of Pariag et al., EuroSys 2007). Pure; the sweeps
// themselves are ordinary runs.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "harness/experiment.h"

namespace crossover {

// `level` as it stands and, after it, each variant that differs from it in one of the knobs that
// its architecture has (servers/architectures.def), labelled "epoll-pool.batch-16". At least `level`.
std::vector<ArchitectureLevel> VariantsOf(const ArchitectureLevel& level, int64_t server_cpus);

// The run that sweeps the variants of `experiment.architectures[index]`: everything else as in
// `experiment`, with the level as it stands for the baseline.
Experiment SweepOf(const Experiment& experiment, size_t index, int64_t server_cpus);

struct Winner {
  ArchitectureLevel level;  // with the label that it has in the experiment
  std::string variant;      // its label in the sweep
  double cpu_ratio = 1;     // CPU per request to that of the baseline, geometric mean over the cells
  std::string reason;       // one line for people
};

// What the report of a sweep says: of the variants that were compared with the baseline in every
// cell, were found lower in CPU per request in one at least and higher in none, the one with the
// lowest mean ratio; else the baseline.
Winner ChooseWinner(const Experiment& sweep, const nlohmann::ordered_json& report);

}  // namespace crossover
