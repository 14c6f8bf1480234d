// ExperimentChoice: an experiment file, and what the command line changes of it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "harness/experiment.h"
#include "harness/programs.h"

namespace crossover {

struct ExperimentChoice {
  std::filesystem::path file;
  std::optional<int64_t> repetitions;  // instead of the file's
  std::vector<std::string> only;       // labels or names of architectures; empty: all
  std::string server_program;          // empty: beside this executable
  std::string load_program;
};

// Reads and parses it; with `programs`, architectures must be known to the server. Throws
// UsageError.
Experiment LoadExperiment(const ExperimentChoice& choice, const Programs* programs);

}  // namespace crossover
