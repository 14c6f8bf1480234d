// Run: carries out an experiment from preflight to report, as `crossover run` does.
#pragma once

#include <filesystem>

#include "harness/experiment.h"
#include "harness/programs.h"
#include "harness/trial_record.h"

namespace crossover {

inline constexpr const char* kResultsDirectory = "results";

struct RunPlace {
  std::filesystem::path out;  // the run's directory; empty: results/<stamp>-<name>
  bool resume = false;
  bool retry_failed = false;
};

struct RunResult {
  std::filesystem::path directory;
  TrialLog log;
  size_t failed = 0;   // trials that broke off
  size_t planned = 0;  // trials
  int signal = 0;      // that stopped it early, or 0
};

// Throws UsageError, with what to do, if the experiment can't fit on this machine.
void RefuseWhatDoesNotFit(const Experiment& experiment);

// Refuses what can't fit on this machine, runs what is left to do, and shows the progress on
// stdout. Throws UsageError, and what the files and the start of programs throw. Main thread only.
RunResult RunExperiment(const Experiment& experiment, const RunPlace& place,
                        const Programs& programs);

}  // namespace crossover
