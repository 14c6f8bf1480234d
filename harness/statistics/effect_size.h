// How large a difference is against the scatter between pairs, which its interval doesn't say: that
// narrows with every pair, these do not. Both depend on how long a slice is, so compare them
// between metrics of one run only. Pure; any thread.
#pragma once

#include <span>

namespace crossover {

// Cohen's d_z (Cohen, 1988): the mean of paired differences over their standard deviation. 0.2 is
// called small, 0.8 large. 0 for fewer than two values and if all are 0; infinite if they are all
// the same otherwise.
double CohensDz(std::span<const double> differences);

// The probability of superiority of paired data (Grissom and Kim, 2005): the share of pairs whose
// difference is positive, those that are 0 counting half. 0.5 means no effect, and stands for no
// pairs.
double Superiority(std::span<const double> differences);

}  // namespace crossover
