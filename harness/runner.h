// Runner: carries out a plan, trial by trial. The only part that touches the machine.
#pragma once

#include <filesystem>
#include <string>

#include "harness/interrupt.h"
#include "harness/placement.h"
#include "harness/plan.h"
#include "harness/progress.h"
#include "harness/run_directory.h"

namespace crossover {

struct RunSetup {
  std::filesystem::path directory;  // exists
  std::string server_program;
  std::string load_program;
  std::string costs_program;  // used if the experiment asks for costs
  CpuSets cpus;
  const Plan& plan;
};

struct RunOutcome {
  size_t failed = 0;  // trials that broke off, earlier ones included
  int signal = 0;     // that stopped the run early, or 0
};

// Runs the trials of `setup.plan` that `log` lacks, appends each to trials.jsonl and to `log`, and
// rewrites report.json and summary.md after each. `log` holds the run's record and what an earlier
// start of it left; if it has no trials.jsonl yet, the run's own line is written first. Confines
// the calling thread to the client's CPUs meanwhile. Throws what the files and the start of the
// programs throw; the report of what was done until then is on the disk. Main thread only.
RunOutcome RunPlan(const RunSetup& setup, TrialLog& log, Progress& progress, Interrupt& interrupt);

}  // namespace crossover
