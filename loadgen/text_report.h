// The result of a run for people.
#pragma once

#include <string>

#include "loadgen/load_generator.h"

namespace crossover {

// A few aligned lines, the last one with a newline.
std::string ToText(const LoadResult& result);

}  // namespace crossover
