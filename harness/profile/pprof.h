// Stacks in pprof's own format: the message Profile of its profile.proto (in the source of
// github.com/google/pprof), not compressed, which pprof and speedscope open.
#pragma once

#include <string>

#include "harness/profile/stacks.h"

namespace crossover {

// Two values for each stack: samples, and nanoseconds of CPU time, of `period_ns` each. Names alone
// are known: there are no addresses, files or lines in it. Frames of the kernel end with "_[k]".
std::string ToPprof(const Stacks& stacks, int64_t period_ns);

}  // namespace crossover
