// The result of a run for people.
#pragma once

#include <cstdint>
#include <string>

#include "loadgen/load_generator.h"

namespace crossover {

// A few aligned lines, the last one with a newline.
std::string ToText(const LoadResult& result);

// "12,345".
std::string FormatCount(uint64_t value);
// Three significant digits: "12.3 us", "1.23 s".
std::string FormatTimeNs(int64_t ns);

}  // namespace crossover
