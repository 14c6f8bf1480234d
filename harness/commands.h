// The commands of crossover: run, tune, plan, report, doctor. Each prints to stdout and returns the
// exit status; what the user or the machine lacks is thrown. Main thread only.
#pragma once

#include <filesystem>

#include "harness/experiment_choice.h"
#include "harness/run.h"

namespace crossover {

struct RunChoice {
  ExperimentChoice experiment;
  RunPlace place;
};

// 0: all cells are valid; 1: a trial failed or a cell is not valid; 130, 143: interrupted.
int RunCommand(const RunChoice& choice);
// Sweeps the knobs of each architecture and writes the experiment with the best of each. 0; 1: a
// cell of a sweep is not valid; 130, 143: interrupted.
int TuneCommand(const RunChoice& choice);
int PlanCommand(const ExperimentChoice& choice);
// Recomputes report.json, summary.md and the charts.
int ReportCommand(const std::filesystem::path& run_directory);
// `choice.file` empty: judges what 16,000 connections with a thread each take. 0: it fits; 2: not.
int DoctorCommand(const ExperimentChoice& choice);

}  // namespace crossover
