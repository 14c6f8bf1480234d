// Names: which texts of an experiment file may name things.
#pragma once

#include <string>
#include <string_view>

#include "base/json_node.h"

namespace crossover {

bool HasControlCharacter(std::string_view text);

// A name that may stand in file names, tables and charts. Throws UsageError for any other.
std::string ParseName(const JsonNode& node);

// One line of at most `bytes_max`. Throws UsageError for any other text.
std::string ParseLine(const JsonNode& node, size_t bytes_max);

}  // namespace crossover
