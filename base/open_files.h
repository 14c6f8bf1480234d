// The limit on open files.
#pragma once

#include <cstdint>

namespace crossover {

struct OpenFilesLimit {
  uint64_t soft = 0;
  uint64_t hard = 0;
};

OpenFilesLimit GetOpenFilesLimit();

// Raises the soft limit to `wanted` if that is more than it is now: within the hard limit, or, with
// the privilege for it, the hard limit too (bounded by fs.nr_open). Never lowers either. Returns
// the limits in force afterwards; whether they suffice is the caller's business.
OpenFilesLimit RaiseOpenFilesLimit(uint64_t wanted);

}  // namespace crossover
