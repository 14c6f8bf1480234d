// crossover duet: two architectures against each other, at once and quickly.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "harness/experiment.h"

namespace crossover {

struct DuetChoice {
  std::string own;       // "epoll-pool", or with knobs: "epoll-pool:workers=4,batch=64"
  std::string baseline;  // likewise
  int64_t connections = 200;
  std::string path = "/";
  DuetSettings settings;
  std::filesystem::path out;   // for the pairs and ratios, as JSON; empty: none
  std::string server_program;  // empty: beside this executable
  std::string load_program;
};

// The experiment whose only duet it is. Throws UsageError.
Experiment DuetExperiment(const DuetChoice& choice);

// Prints the verdict. 0: done; 1: it broke off, and why is printed; 130, 143: interrupted. Throws
// UsageError for what the machine lacks. Main thread only.
int DuetCommand(const DuetChoice& choice);

}  // namespace crossover
