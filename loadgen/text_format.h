// How the outputs for people write numbers, and what went wrong.
#pragma once

#include <cstdint>
#include <string>

#include "loadgen/ledger.h"

namespace crossover {

// "1.23 ms": three significant digits, which are all that a histogram holds.
std::string TimeText(int64_t ns);
// "12,345".
std::string CountText(uint64_t value);

// "12 refused, 3 reset", leaving out what is 0; empty if all is.
std::string CausesText(const ConnectionLedger& connections);
std::string CausesText(const RequestLedger& requests);

}  // namespace crossover
