// Did the level of a series shift once, and where? Pettitt, "A non-parametric approach to the
// change-point problem" (1979): for each place the ranks before it are held against those after;
// the place at which they differ most is where, and how much they do says whether. Pure; any
// thread.
//
// Takes values as independent: neighbours that resemble each other make shifts look likelier than
// they are. A steady trend is found as well; FindTrend() says which it is.
#pragma once

#include <cstddef>
#include <optional>
#include <span>

namespace crossover {

struct ChangePoint {
  size_t place = 0;            // index of the first value after the shift
  double probability = 1;      // of such a shift if there were none, by Pettitt's approximation
  double relative_change = 0;  // median after it minus median before, over the median of all
};

// The likeliest place (the first, if two are alike), whatever its probability. The approximation is
// good below 0.5 and errs towards finding nothing with few values or ties. nullopt for fewer
// than kChangeValuesMin values and for a median of 0.
inline constexpr size_t kChangeValuesMin = 8;
std::optional<ChangePoint> FindChangePoint(std::span<const double> values);

}  // namespace crossover
