// crossover find: where along an axis the order of two architectures flips.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "harness/experiment.h"

namespace crossover {

struct FindChoice {
  std::string own;  // as for crossover duet
  std::string baseline;
  std::string metric = "cpu";
  std::string axis = "connections";
  std::string range;          // "LOW:HIGH"; empty: the axis's own
  int64_t connections = 200;  // on all other axes
  std::string path = "/";     // where the axis is not the path itself
  DuetSettings settings = {.pairs = 1'600, .precision = 0.01, .time_limit_ns = 16'000'000'000};
  int64_t places_max = 16;
  int64_t duration_ns = 1'500'000'000;  // of the window of a trial, where there is no duet
  std::filesystem::path out;            // for what was read, as JSON; empty: none
  std::string server_program;
  std::string load_program;
};

// The experiment of the two, at no place yet. Throws UsageError.
Experiment FindExperiment(const FindChoice& choice);

// Prints each place and the answer. 0: done, crossing or not; 1: it broke off; 130, 143:
// interrupted. Throws UsageError. Main thread only.
int FindCommand(const FindChoice& choice);

}  // namespace crossover
