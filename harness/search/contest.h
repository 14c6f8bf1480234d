// Contest: two architectures at one place: the ratio of one figure of theirs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "harness/experiment.h"
#include "harness/rig.h"
#include "harness/statistics/paired_ratio.h"

namespace crossover {

// What can be compared.
struct ContestMetric {
  std::string_view name;    // on the command line: "cpu"
  std::string_view metric;  // of the catalogue
  std::string_view noun;    // "CPU per request"
};
// Throws UsageError, which names those that there are.
const ContestMetric& FindContestMetric(std::string_view name);

struct ContestResult {
  PairedRatio ratio;  // second architecture / first
  size_t pairs = 0;
  std::string method;       // "duet", or "interleaved": whole trials in turns, order flipped
  std::string why_no_duet;  // empty with "duet"
  // Trials that are not valid, by the first reason for it; their figures are among the others.
  std::map<std::string, size_t> not_valid;
};

// By duet where that is possible: latency is not known of slices, and some workloads and limits
// forbid it. `experiment` has two architectures, one number of connections, one workload, and
// `duet`, whose limits also hold for trials in turns. Throws UsageError for what this machine
// lacks, TrialFailure if it broke off; TrialInterrupted. Main thread only.
ContestResult HoldContest(Rig& rig, const Experiment& experiment, const ContestMetric& metric);

}  // namespace crossover
