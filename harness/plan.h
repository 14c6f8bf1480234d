// Plan: the trials of an experiment in the order in which they run. A pure function of the
// experiment, so that --resume and every machine arrive at the same one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "harness/experiment.h"

namespace crossover {

// One cell, one repetition.
struct PlannedTrial {
  size_t index = 0;         // position in the plan
  size_t repetition = 0;    // from 0
  size_t architecture = 0;  // index into Experiment::architectures
  int64_t connections = 0;
  size_t workload = 0;  // index into Experiment::workloads
  Pass pass = Pass::kThroughput;
  bool operator==(const PlannedTrial&) const = default;
};

struct Plan {
  std::vector<PlannedTrial> trials;
};

// Every cell once in each repetition of the throughput trials; spread among these repetitions, the
// last at their end, those of the duets, of the cells that can have one with the baseline; then
// each instrument's repetitions. In seeded random order within the
// repetition, so that slow drift of the machine falls on all contenders alike; but those whose rate
// is a percentage of what another measures right after that one. The same on every standard
// library.
Plan MakePlan(const Experiment& experiment);

// A guess of how long a trial takes, in seconds: window, warm-up, and what starting, connecting
// and stopping that many connections costs. For the time left before measured trials refine it.
double EstimateTrialSeconds(const Experiment& experiment, const PlannedTrial& trial);
double EstimatePlanSeconds(const Experiment& experiment, const Plan& plan);

// The trial before which reading `reading` of the costs is taken: they are spread evenly over the
// trials that come before those of instruments.
size_t TrialAfterReading(const Experiment& experiment, const Plan& plan, size_t reading);

// What `crossover plan` prints: a summary, then a line for each trial. Ends with a newline.
std::string RenderPlan(const Experiment& experiment, const Plan& plan);

}  // namespace crossover
