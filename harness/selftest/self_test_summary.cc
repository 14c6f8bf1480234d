#include "harness/selftest/self_test_summary.h"

#include <algorithm>
#include <boost/math/distributions/binomial.hpp>
#include <cmath>
#include <map>
#include <vector>

#include "harness/statistics/median.h"
#include "harness/wording.h"

namespace crossover {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

// A false finding in 1 of 20 is what the level means: only a count that this would rarely give
// speaks against the instrument.
constexpr double kTooManyProbability = 0.01;
// An effect that no instrument of this kind should miss more often than not.
constexpr double kMustBeFound = 0.10;

struct Detection {
  size_t comparisons = 0;
  size_t found = 0;
  size_t covered = 0;
  std::vector<double> ratios;
  std::vector<double> seconds;

  void Add(const PairedRatio& duet, double injected, double took_seconds) {
    ++comparisons;
    ratios.push_back(duet.ratio);
    seconds.push_back(took_seconds);
    const bool different = duet.probability < kSelfTestLevel;
    found += different && (injected == 0 || duet.ratio > 1) ? 1 : 0;
    const ConfidenceInterval& interval = *duet.interval95;
    covered += interval.low <= 1 + injected && interval.high >= 1 + injected ? 1 : 0;
  }
};

using Detections = std::map<double, Detection>;

ordered_json ToJson(const Detections& detections) {
  ordered_json list = ordered_json::array();
  for (const auto& [injected, each] : detections) {
    const ShareInterval interval = IntervalOfShare(each.found, each.comparisons);
    list.push_back({{"injected", injected},
                    {"comparisons", each.comparisons},
                    {"found", each.found},
                    {"found_low", interval.low},
                    {"found_high", interval.high},
                    {"covered", each.covered},
                    {"ratio", Median(each.ratios)},
                    {"seconds", Median(each.seconds)}});
  }
  return list;
}

std::optional<double> SmallestFound(const Detections& detections) {
  std::optional<double> smallest;
  for (auto each = detections.rbegin(); each != detections.rend() && each->first > 0; ++each) {
    const auto comparisons = static_cast<double>(each->second.comparisons);
    if (each->second.comparisons < kSelfTestFewest) continue;
    if (static_cast<double>(each->second.found) < kSelfTestFoundShare * comparisons) break;
    smallest = each->first;
  }
  return smallest;
}

void JudgeAlike(const Detections& detections, ordered_json& failures) {
  const auto alike = detections.find(0);
  if (alike == detections.end() || alike->second.found == 0) return;
  const auto& [injected, each] = *alike;
  const boost::math::binomial_distribution<> chance(static_cast<double>(each.comparisons),
                                                    kSelfTestLevel);
  const double probability =
      boost::math::cdf(boost::math::complement(chance, static_cast<double>(each.found) - 1));
  if (probability >= kTooManyProbability) return;
  failures.push_back("a server was found to differ from itself in " + std::to_string(each.found) +
                     " of " + CountText(each.comparisons, "comparison") +
                     "; by chance it would be 1 in 20");
}

// What must be found, and the intervals, which must hold the truth.
void JudgeDetections(const Detections& detections, ordered_json& failures) {
  for (const auto& [injected, each] : detections) {
    const boost::math::binomial_distribution<> chance(static_cast<double>(each.comparisons),
                                                      1 - kSelfTestLevel);
    if (boost::math::cdf(chance, static_cast<double>(each.covered)) < kTooManyProbability) {
      failures.push_back(
          "of " + PercentText(injected) + " more CPU the 95 % interval held the truth in " +
          std::to_string(each.covered) + " of " + CountText(each.comparisons, "comparison"));
    }
    if (injected >= kMustBeFound && 2 * each.found < each.comparisons) {
      failures.push_back(PercentText(injected) + " more CPU was found in " +
                         std::to_string(each.found) + " of " +
                         CountText(each.comparisons, "comparison"));
    }
  }
}

void JudgeOthers(const ordered_json& summary, ordered_json& failures) {
  for (const ordered_json& each : summary["ledger"]) {
    if (each["closes"].get<bool>()) continue;
    failures.push_back("the ledger of " + each["architecture"].get<std::string>() +
                       " does not close: " + each["detail"].get<std::string>());
  }
  if (summary["stall"].is_null()) return;
  for (const ordered_json& each : summary["stall"]["quantiles"]) {
    const double expected = each["expected_ms"];
    const double found = each["found_ms"];
    if (std::abs(found / expected - 1) <= kStallErrorMax) continue;
    failures.push_back("the latency at quantile " + NumberText(each["quantile"]) +
                       " of a server that stalls is " + NumberText(expected) +
                       " ms and was read as " + NumberText(found) + " ms");
  }
}

std::string Quote(const ordered_json& summary) {
  std::string text;
  for (const ordered_json& each : summary["detection"]) {
    const double injected = each["injected"];
    const std::string count = std::to_string(each["found"].get<size_t>()) + " of " +
                              CountText(each["comparisons"].get<size_t>(), "duet");
    if (injected == 0) {
      text += "a server was found to differ from itself in " + count;
    } else {
      text += (text.empty() ? "" : ", ") + std::string("one that takes ") + PercentText(injected) +
              " more CPU was told from it in " + count;
    }
  }
  if (text.empty()) return {};
  const std::string failed =
      summary["failures"].empty() ? "" : " It failed: see crossover selftest --show.";
  return "Self-test on this machine (" + summary["last_utc"].get<std::string>().substr(0, 10) +
         "), single duets at 200 connections: " + text + "." + failed;
}

}  // namespace

std::optional<DuetRatio> JudgeSelfTestDuet(const json& line) {
  std::vector<std::vector<double>> blocks;
  for (const json& pairs : line.value("cpu_us_by_block", json::array())) {
    if (pairs.empty()) continue;  // none could be used
    std::vector<double>& logs = blocks.emplace_back();
    for (const json& pair : pairs) {
      logs.push_back(std::log(pair.at(0).get<double>() / pair.at(1).get<double>()));
    }
  }
  auto found = CompareBlocks(blocks);
  return found && found->ratio.interval95 ? found : std::nullopt;
}

ShareInterval IntervalOfShare(size_t found, size_t count) {
  using Binomial = boost::math::binomial_distribution<>;
  const auto n = static_cast<double>(count);
  const auto k = static_cast<double>(found);
  if (count == 0) return {};
  return {.low = found == 0 ? 0 : Binomial::find_lower_bound_on_p(n, k, 0.025),
          .high = found == count ? 1 : Binomial::find_upper_bound_on_p(n, k, 0.025)};
}

ordered_json SummariseSelfTest(std::span<const json> lines, const std::string& fingerprint) {
  Detections detections;
  std::map<std::string, ordered_json> ledgers;
  ordered_json no_duet = ordered_json::array();
  ordered_json summary = {{"schema", kSelfTestSchema},
                          {"fingerprint", fingerprint},
                          {"first_utc", nullptr},
                          {"last_utc", nullptr},
                          {"not_injected", nullptr}};
  ordered_json ceiling;
  ordered_json stall;
  for (const json& line : lines) {
    if (summary["first_utc"].is_null()) summary["first_utc"] = line.at("utc");
    summary["last_utc"] = line.at("utc");
    const std::string check = line.at("check");
    if (check == "ceiling") ceiling = line;
    if (check == "stall") stall = line;
    if (check == "ledger") ledgers[line.at("architecture")] = line;
    if (check != "duet") continue;
    if (line.contains("unavailable") && line.at("injected").get<double>() > 0) {
      summary["not_injected"] = line.at("unavailable");
      continue;
    }
    if (line.contains("unavailable")) {
      const json& name = line.at("architecture");
      if (std::ranges::count(no_duet, ordered_json(name)) == 0)
        no_duet.push_back(ordered_json(name));
      continue;
    }
    const double injected = line.at("injected");
    if (injected > 0 && line.value("injected_by", "") != kSelfTestInjection) continue;
    const auto duet = JudgeSelfTestDuet(line);
    if (duet) detections[injected].Add(duet->ratio, injected, line.at("seconds"));
  }
  summary["detection"] = ToJson(detections);
  summary["no_duet"] = std::move(no_duet);
  const auto smallest = SmallestFound(detections);
  summary["smallest_found"] = smallest ? ordered_json(*smallest) : ordered_json(nullptr);
  summary["ceiling"] = std::move(ceiling);
  summary["stall"] = std::move(stall);
  summary["ledger"] = ordered_json::array();
  for (auto& [architecture, line] : ledgers) summary["ledger"].push_back(std::move(line));
  summary["failures"] = ordered_json::array();
  JudgeAlike(detections, summary["failures"]);
  JudgeDetections(detections, summary["failures"]);
  JudgeOthers(summary, summary["failures"]);
  summary["quote"] = Quote(summary);
  return summary;
}

}  // namespace crossover
