// The mean of values that follow each other in time and may resemble their neighbours. Then n
// values tell less about the mean than n independent ones, and an interval that takes them for
// independent is too narrow: with a correlation of 0.3 between neighbours it misses in 15 of 100
// cases instead of 5.
//
// How many independent ones they are worth is estimated from the autocorrelations by the initial
// positive sequence of Geyer, "Practical Markov chain Monte Carlo" (1992): sums of two neighbouring
// lags are added up as long as they are positive. Never more than n, although neighbours that
// differ (slices in flipped order) would allow it: by noise alone the estimate would then often be
// too high. The interval is Student's with that many values. Simulated coverage of its 95 %, which
// moving blocks and BCa were weighed against: docs/decisions/0012-statistics.md.
//
// Pure; any thread.
#pragma once

#include <cstddef>
#include <span>

namespace crossover {

inline constexpr size_t kCorrelatedValuesMin = 10;  // fewer tell nothing about correlation

// How many independent values these, in their order, are worth for their mean: 2 to n. n for fewer
// than kCorrelatedValuesMin, and if all are the same.
double EffectiveCount(std::span<const double> values);

struct SerialMean {
  size_t count = 0;
  double effective = 0;  // EffectiveCount()
  double mean = 0;
  double standard_error = 0;  // of the mean, with the effective count; infinite for one value
  double reach95 = 0;         // half the width of the 95 % interval; infinite for one value
};

// At least one value (checked), in the order in which they were measured.
SerialMean EstimateMean(std::span<const double> values);

}  // namespace crossover
