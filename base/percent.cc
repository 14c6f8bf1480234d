#include "base/percent.h"

#include <charconv>
#include <string>

#include "base/error.h"

namespace crossover {

double ParsePercent(std::string_view text, int percent_max, std::string_view where) {
  double percent = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), percent);
  const std::string_view rest(end, static_cast<size_t>(text.data() + text.size() - end));
  if (error == std::errc{} && rest == "%" && percent >= 0 && percent <= percent_max) {
    return percent / 100;
  }
  throw UsageError(std::string(where) + ": '" + std::string(text) +
                   "' is not a percentage from 0% to " + std::to_string(percent_max) +
                   "%; write it as 3%");
}

}  // namespace crossover
