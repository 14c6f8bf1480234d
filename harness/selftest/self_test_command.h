// crossover selftest: can this instrument, on this machine, tell a small difference from none?
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "harness/experiment.h"

namespace crossover {

struct SelfTestChoice {
  int64_t comparisons = 12;  // of each effect, and of none
  std::vector<double> effects_percent = {1, 2, 3, 5, 10};
  std::vector<std::string> architectures;  // that take turns; empty: all
  // By default sixteen blocks at 200 connections, in 18 s.
  DuetSettings settings{.time_limit_ns = 30'000'000'000};
  bool only_show = false;  // what earlier ones found
  bool fresh = false;      // forget it
  std::filesystem::path results;
  std::string server_program;  // empty: beside this executable
  std::string load_program;
};

// Adds what it finds to the log of this environment, line by line, and writes the summary and a
// chart beside it. 0; 1: something speaks against the instrument; 130, 143: interrupted, with what
// was found until then kept. Throws UsageError. Main thread only.
int SelfTestCommand(const SelfTestChoice& choice);

}  // namespace crossover
