// Run: carries out an experiment from preflight to report, as `crossover run` does.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>

#include "harness/experiment.h"
#include "harness/programs.h"

namespace crossover {

inline constexpr const char* kResultsDirectory = "results";

struct RunPlace {
  std::filesystem::path out;  // the run's directory; empty: results/<stamp>-<name>
  bool resume = false;
  bool retry_failed = false;
};

struct RunResult {
  std::filesystem::path directory;
  nlohmann::ordered_json report;
  size_t failed = 0;   // trials that broke off
  size_t planned = 0;  // trials
  size_t done = 0;
  int signal = 0;  // that stopped it early, or 0
};

// Refuses what can't fit on this machine, runs what is left to do, and shows the progress on
// stdout. Throws UsageError, and what the files and the start of programs throw. Main thread only.
RunResult RunExperiment(const Experiment& experiment, const RunPlace& place,
                        const Programs& programs);

}  // namespace crossover
