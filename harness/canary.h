// Canary: a fixed amount of work that shows how far the machine itself drifts between trials.
#pragma once

#include "harness/verdict.h"

namespace crossover {

// Runs a fixed loop of user work and one of system calls, some 20 ms each, in a thread of its own
// pinned to `cpu`, and returns the wall time of each: what the CPU's speed, the hypervisor and
// foreign processes change, it changes. Throws std::system_error if the thread cannot be started or
// pinned.
CanaryReading MeasureCanary(int cpu);

}  // namespace crossover
