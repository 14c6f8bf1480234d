// What a duet found, in words.
#pragma once

#include <span>
#include <string>

#include "harness/duet/duet.h"
#include "harness/statistics/paired_ratio.h"

namespace crossover {

// "A takes 3.1 % (2.6 to 3.6) less CPU per request than B.", "A takes 2.41 times (2.30 to 2.52) the
// CPU per request of B.", or "No detectable difference in CPU per request between A and B: ratio
// 1.002 (0.996 to 1.008)." `verb` and `what`: "takes", "CPU per request". The ratio is A's to B's.
std::string RatioSentence(const std::string& own, const std::string& baseline,
                          const std::string& verb, const std::string& what,
                          const PairedRatio& ratio);

// The verdict and, below it, a table of the three metrics; last, how many more blocks `precision`
// (0.02: 2 % to each side; 0: none was asked for) would take. Ends with a newline. Pure.
std::string RenderDuet(const std::string& own, const std::string& baseline,
                       const DuetOutcome& outcome, double precision = 0);

}  // namespace crossover
