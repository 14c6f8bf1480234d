// Runs crossover-costs.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <vector>

#include "harness/model/cost_reading.h"
#include "harness/placement.h"

namespace crossover {

struct CostsSetup {
  std::filesystem::path program;
  CpuSets cpus;  // the first of each is used
  std::vector<int64_t> connections;
  int interrupt_fd = -1;          // as of TrialSetup
  std::function<void()> on_tick;  // likewise
};

// What goes wrong is not thrown, but told in the reading. Throws TrialInterrupted;
// std::system_error if the program can't be started. Main thread only.
CostReading MeasureCosts(const CostsSetup& setup);

}  // namespace crossover
