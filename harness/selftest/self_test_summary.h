// What a self-test's log says about the instrument. Pure.
#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>

#include "harness/duet/duet_findings.h"

namespace crossover {

// Of the summary; /1 was of servers that spun themselves (docs/decisions/0021), /2 of verdicts by
// the rules of each duet's time.
inline constexpr const char* kSelfTestSchema = "crossover-selftest/3";

inline constexpr double kSelfTestLevel = 0.05;       // of each comparison
inline constexpr double kSelfTestFoundShare = 0.90;  // of those with the smallest effect found
inline constexpr size_t kSelfTestFewest = 10;        // of an effect, to speak of that share
// What injected the difference: see harness/duet/companion.h. Lines of another method aren't
// counted.
inline constexpr const char* kSelfTestInjection = "companion";
inline constexpr double kStallErrorMax = 0.02;  // of a quantile that is known

struct ShareInterval {
  double low = 0;
  double high = 1;
};

// What the pairs of such a duet's line say of CPU per request, by the rules of every duet as they
// are today; with an interval. nullopt if too few blocks were played for one, or none is in the
// line (of before pairs were ranked).
std::optional<DuetRatio> JudgeSelfTestDuet(const nlohmann::json& line);

// 95 %, exact (Clopper and Pearson, 1934): of the share that `found` of `count` were drawn from.
ShareInterval IntervalOfShare(size_t found, size_t count);

// {schema: "crossover-selftest/3", fingerprint, first_utc, last_utc,
//  detection: [{injected, comparisons, found, found_low, found_high, covered, ratio, seconds}]:
//    by injected effect, ascending; `found` at the level above and in the right direction (either
//    for 0); `covered`: the 95 % interval holds the truth; `ratio` and `seconds` are medians,
//  not_injected: why a duet with an effect could not be had (the last such), or null,
//  no_duet: [architecture], with themselves,
//  smallest_found: the smallest effect from which on all were found in the share above (effects
//    with fewer duets than kSelfTestFewest aside), or null,
//  ceiling, stall, ledger: the last of each (ledger: of each architecture), or null,
//  failures: [why the instrument is not to be trusted here],
//  quote: one line for reports}
nlohmann::ordered_json SummariseSelfTest(std::span<const nlohmann::json> lines,
                                         const std::string& fingerprint);

// For people: a table, the other checks, the verdict. Ends with a newline.
std::string RenderSelfTest(const nlohmann::ordered_json& summary);

}  // namespace crossover
