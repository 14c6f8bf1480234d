// Canary: a fixed amount of work that shows how far the machine itself drifts between trials.
#pragma once

#include <optional>

#include "harness/verdict.h"

namespace crossover {

// Runs fixed loops of user work, of system calls and of messages over a loopback connection, some
// 20 to 30 ms each, in a thread of its own pinned to `cpu`, and returns the wall time of each: what
// the CPU's speed, the hypervisor and foreign processes change, it changes. Throws
// std::system_error if the thread cannot be started or pinned.
CanaryReading MeasureCanary(int cpu);

// The last of these loops alone: of three, the one in the middle. It takes the path through the
// kernel that a server's request takes, and shows what the other two don't: a neighbour on the same
// core, who makes requests up to 1.8 times as dear and a loop of arithmetic hardly
// (docs/decisions/0016). nullopt if there is no connection to be had. Throws as MeasureCanary().
std::optional<double> MeasureLoopback(int cpu);

// The mean of two of its readings, or the one that there is.
std::optional<double> MeanOf(std::optional<double> before, std::optional<double> after);

}  // namespace crossover
