// Durations as people write them: "250ms", "1.5s", "2m", "100us", "50ns". A bare number is refused:
// a duration names its unit.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace crossover {

// The nanoseconds of `text`. Throws UsageError, naming `what`, if it is not a number with a unit
// (ns, us, ms, s, m, h), or is negative, or exceeds kDurationMaxNs.
int64_t ParseDurationNs(std::string_view text, std::string_view what);

// Short text for people: "850 ms", "12.4 s", "3 m 20 s".
std::string FormatDurationNs(int64_t ns);

}  // namespace crossover
