// A duet as one trial of a plan: two servers on the same CPUs, each with a load generator of its
// own.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "harness/machine_limits.h"
#include "harness/trial.h"

namespace crossover {

// Runs the trial's architecture against the experiment's first, as Experiment::duet says. Returns
// the findings of its record: {"unavailable": why} where two at a time can't be had. Throws as
// Conversation does; leaves no child behind in any case. Main thread only.
nlohmann::json RunDuet(const TrialSetup& setup);

// Why these two can't be had at a time, with what to do about limits of the machine; empty if they
// can. Pure.
std::string WhyNotBoth(const TrialSetup& setup, const MachineLimits& limits);

}  // namespace crossover
