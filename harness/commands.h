// The commands of crossover: run, plan, report, doctor. Each prints to stdout and returns the exit
// status; what the user or the machine lacks is thrown. Main thread only.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace crossover {

struct ExperimentChoice {
  std::filesystem::path file;
  std::optional<int64_t> repetitions;  // instead of the file's
  std::vector<std::string> only;       // labels or names of architectures; empty: all
  std::string server_program;          // empty: beside this executable
  std::string load_program;
};

struct RunChoice {
  ExperimentChoice experiment;
  std::filesystem::path out;  // the run's directory; empty: results/<stamp>-<name>
  bool resume = false;
  bool retry_failed = false;
};

// 0: all cells are valid; 1: a trial failed or a cell is not valid; 130, 143: interrupted.
int RunCommand(const RunChoice& choice);
int PlanCommand(const ExperimentChoice& choice);
// Recomputes report.json, summary.md and the charts.
int ReportCommand(const std::filesystem::path& run_directory);
// `choice.file` empty: judges what 16,000 connections with a thread each take. 0: it fits; 2: not.
int DoctorCommand(const ExperimentChoice& choice);

}  // namespace crossover
