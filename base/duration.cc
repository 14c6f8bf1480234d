#include "base/duration.h"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <utility>

#include "base/clock.h"
#include "base/error.h"
#include "base/limits.h"

namespace crossover {

int64_t ParseDurationNs(std::string_view text, std::string_view what) {
  static constexpr std::array<std::pair<std::string_view, double>, 6> kUnits = {{
      {"ns", 1.0},
      {"us", 1e3},
      {"ms", 1e6},
      {"s", 1e9},
      {"m", 60e9},
      {"h", 3600e9},
  }};
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const std::string_view unit(end, static_cast<size_t>(text.data() + text.size() - end));
  if (error == std::errc{} && std::isfinite(number) && number >= 0) {
    for (const auto& [name, ns] : kUnits) {
      if (unit == name && number * ns <= static_cast<double>(limits::kDurationMaxNs)) {
        return std::llround(number * ns);
      }
    }
  }
  throw UsageError(std::string(what) + ": '" + std::string(text) +
                   "' is not a duration; write a number and a unit, such as 250ms, 1.5s or 2m "
                   "(at most 24h)");
}

std::string FormatDurationNs(int64_t ns) {
  char text[48];
  const double seconds = static_cast<double>(ns) / 1e9;
  if (ns < kNsPerMs) {
    std::snprintf(text, sizeof text, "%.0f us", seconds * 1e6);
  } else if (ns < kNsPerSecond) {
    std::snprintf(text, sizeof text, "%.0f ms", seconds * 1e3);
  } else if (ns < 60 * kNsPerSecond) {
    std::snprintf(text, sizeof text, "%.1f s", seconds);
  } else {
    const auto whole = static_cast<long long>(std::llround(seconds));
    std::snprintf(text, sizeof text, "%lld m %02lld s", whole / 60, whole % 60);
  }
  return text;
}

}  // namespace crossover
