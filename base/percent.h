#pragma once

#include <string_view>

namespace crossover {

// "3%" is 0.03. Throws UsageError, which begins with `where`, for what is not from 0% to
// `percent_max`.
double ParsePercent(std::string_view text, int percent_max, std::string_view where);

}  // namespace crossover
