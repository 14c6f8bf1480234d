// How long a thread wanted to run and did not, because its CPU was busy with others.
#pragma once

#include <cstdint>
#include <optional>

namespace crossover {

// Of the calling thread, since it was made, in nanoseconds (/proc/thread-self/schedstat). nullopt
// if the kernel doesn't tell.
std::optional<int64_t> RunQueueWaitNs();

}  // namespace crossover
