// Tune: finds how each architecture runs best on this host before they are compared, so that no
// default favours one of them (the method of Pariag et al., EuroSys 2007). Pure; the sweeps
// themselves are ordinary runs.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "harness/experiment.h"
#include "harness/trial_record.h"

namespace crossover {

// Fewer find next to nothing where a machine drifts.
inline constexpr int64_t kTuneRepetitionsMin = 6;

// `level` as it stands and, after it, each variant that differs from it in one knob that its
// architecture has (servers/architectures.def) and `level` doesn't set, labelled
// "epoll-pool.batch-16". At least `level`.
std::vector<ArchitectureLevel> VariantsOf(const ArchitectureLevel& level, int64_t server_cpus);

// The run that sweeps the variants of `experiment.architectures[index]`: everything else as in
// `experiment`, with the level as it stands for the baseline; but without workloads whose rate is a
// percentage of what a variant can do, since each would then be asked for another rate.
Experiment SweepOf(const Experiment& experiment, size_t index, int64_t server_cpus);

struct Winner {
  ArchitectureLevel level;  // with the label that it has in the experiment
  std::string variant;      // its label in the sweep
  double cpu_ratio = 1;     // CPU per request to that of the baseline, in the sweep that chose it
  size_t compared = 0;      // variants that could be compared with the baseline
  std::string reason;       // one line for people
};

// What a sweep says. Each variant is tested once: the geometric means of CPU per request over all
// cells, paired by repetition (those in which every cell is valid on both sides), corrected by Holm
// over the variants. Of those found lower, and by the same means no worse than kTuneWorseMax in
// throughput and 99th-percentile latency, the lowest; else the baseline.
inline constexpr double kTuneWorseMax = 1.05;
Winner ChooseWinner(const TrialLog& sweep);

}  // namespace crossover
