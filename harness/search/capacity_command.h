// crossover capacity: the highest rate at which each architecture keeps an objective for latency.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "harness/metric.h"

namespace crossover {

// "p99<10ms": of the time from when a request was due to its response.
struct Objective {
  std::string text;
  std::string metric;  // of the catalogue: latency_us_p99
  double limit_us = 0;
};
// Throws UsageError.
Objective ParseObjective(std::string_view text);

// Whether a trial's metrics keep it: the latency is below the limit, all but one in a thousand of
// the requests that were due were answered, and in the window as many as were due, but for 2 % or
// what may be chance: else a rate that outruns the server would be kept if only the window is short
// beside the limit. What could not be measured does not keep it.
bool Keeps(const Metrics& metrics, const Objective& objective, double window_seconds);

struct CapacityChoice {
  std::vector<std::string> contenders;  // as for crossover duet
  std::string objective = "p99<10ms";
  int64_t connections = 200;
  std::string path = "/";
  int64_t duration_ns = 2'000'000'000;  // of each trial's window
  std::filesystem::path out;            // as JSON; empty: none
  std::string server_program;
  std::string load_program;
};

// All take turns, trial by trial, so that drift of the machine meets all alike. Prints each trial
// and a table. 0; 1: it broke off; 130, 143: interrupted. Throws UsageError. Main thread only.
int CapacityCommand(const CapacityChoice& choice);

}  // namespace crossover
