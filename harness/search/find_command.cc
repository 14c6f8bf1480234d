#include "harness/search/find_command.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <iostream>
#include <limits>

#include "base/clock.h"
#include "base/error.h"
#include "harness/contender.h"
#include "harness/conversation.h"
#include "harness/programs.h"
#include "harness/rig.h"
#include "harness/run_directory.h"
#include "harness/search/axis_place.h"
#include "harness/search/contest.h"
#include "harness/search/crossing_search.h"
#include "harness/search/crossing_text.h"
#include "harness/trial.h"
#include "harness/wording.h"

namespace crossover {
namespace {

using nlohmann::json;

constexpr double kLevel = 0.05;  // over all places
constexpr double kTwoSided95 = 1.96;
constexpr int64_t kNsPerConnection = 4 * kNsPerMs;

std::string RatioText(const PairedRatio& ratio) {
  char text[64];
  if (!ratio.interval95) {
    std::snprintf(text, sizeof text, "%.3f", ratio.ratio);
  } else {
    std::snprintf(text, sizeof text, "%.3f (%.3f to %.3f)", ratio.ratio, ratio.interval95->low,
                  ratio.interval95->high);
  }
  return text;
}

// The search under way.
class Find {
 public:
  Find(const FindChoice& choice, Experiment experiment, const Programs& programs)
      : experiment_(std::move(experiment)),
        metric_(FindContestMetric(choice.metric)),
        axis_(FindAxis(choice.axis)),
        rules_(RulesOf(choice, axis_)),
        search_(rules_),
        names_{.first = experiment_.architectures[1].label,
               .second = experiment_.architectures[0].label,
               .noun = std::string(metric_.noun),
               .unit = std::string(axis_.unit)},
        time_limit_ns_(experiment_.duet->time_limit_ns),
        rig_(programs, experiment_.placement) {}

  // Returns the signal that interrupted it, or 0.
  int Run() {
    std::cout << names_.first << " / " << names_.second << ", " << names_.noun << ", "
              << IntegerText(rules_.low) << " to " << IntegerText(rules_.high) << " " << names_.unit
              << ":" << std::endl;
    try {
      while (const auto place = search_.Next()) Read(*place);
    } catch (const TrialInterrupted&) {
      return rig_.signal();
    } catch (const TrialFailure& failure) {
      std::cout << "The search broke off: " << failure.what() << std::endl;
      broke_off_ = true;
    }
    if (search_.readings().empty()) return 0;
    std::cout << "\n" << RenderCrossings(search_, names_) << std::flush;
    return 0;
  }

  json Report() const;
  bool broke_off() const { return broke_off_; }

 private:
  static CrossingRules RulesOf(const FindChoice& choice, const AxisKind& axis) {
    const AxisRange range = choice.range.empty() ? AxisRange{.low = axis.low, .high = axis.high}
                                                 : ParseAxisRange(choice.range, axis);
    CrossingRules rules;
    rules.low = range.low;
    rules.high = range.high;
    rules.places_max = static_cast<size_t>(choice.places_max);
    return rules;
  }

  void Read(int64_t place);

  Experiment experiment_;
  const ContestMetric& metric_;
  const AxisKind& axis_;
  const CrossingRules rules_;
  CrossingSearch search_;
  const CrossingNames names_;
  const int64_t time_limit_ns_;  // of a duet, without what connections take
  Rig rig_;
  json places_ = json::array();
  bool broke_off_ = false;
};

// ", 9 trials not valid (noisy 1, not_steady 8)", or "".
std::string NotValidText(const std::map<std::string, size_t>& not_valid) {
  size_t trials = 0;
  std::string reasons;
  for (const auto& [reason, count] : not_valid) {
    trials += count;
    reasons += (reasons.empty() ? "" : ", ") + reason + " " + std::to_string(count);
  }
  if (trials == 0) return {};
  return ", " + CountText(trials, "trial") + " not valid (" + reasons + ")";
}

void Find::Read(int64_t place) {
  PlaceOnAxis(axis_, place, experiment_);
  // Blocks take longer to start.
  experiment_.duet->time_limit_ns =
      time_limit_ns_ + kNsPerConnection * experiment_.connections.front();
  const ContestResult result = HoldContest(rig_, experiment_, metric_);
  const auto& interval = result.ratio.interval95;
  // Places share the level, so that one false finding among all of them is as rare as that.
  const double level = kLevel / static_cast<double>(rules_.places_max);
  const double half_width = interval ? std::log(interval->high / interval->low) / 2 : 1e9;
  const AxisReading reading{.at = place,
                            .log_ratio = std::log(result.ratio.ratio),
                            .standard_error = std::max(half_width / kTwoSided95, 1e-9),
                            .told_apart = interval && result.ratio.probability < level};
  search_.Add(reading);
  const std::string verdict = reading.order() == 0  ? "no detectable difference"
                              : reading.order() < 0 ? names_.first + " has less"
                                                    : names_.second + " has less";
  std::string line = "  " + IntegerText(place) + ": " + RatioText(result.ratio) + ", " + verdict +
                     "; " + CountText(result.pairs, "pair") + ", " + result.method;
  std::cout << line << NotValidText(result.not_valid) << std::endl;
  places_.push_back({{"at", place},
                     {"ratio", result.ratio.ratio},
                     {"ci95_low", interval ? json(interval->low) : json(nullptr)},
                     {"ci95_high", interval ? json(interval->high) : json(nullptr)},
                     {"probability", result.ratio.probability},
                     {"told_apart", reading.told_apart},
                     {"pairs", result.pairs},
                     {"method", result.method},
                     {"why_no_duet", result.why_no_duet},
                     {"trials_not_valid", result.not_valid}});
}

json Find::Report() const {
  json crossings = json::array();
  for (const Crossing& crossing : search_.Crossings()) {
    crossings.push_back(
        {{"estimate", crossing.estimate},
         {"low", crossing.below.at},
         {"high", crossing.above.at},
         {"lower_below", crossing.below.order() < 0 ? names_.first : names_.second},
         {"lower_above", crossing.above.order() < 0 ? names_.first : names_.second}});
  }
  return {{"schema", "crossover-find/1"}, {"created_utc", UtcNow()},  {"own", names_.first},
          {"baseline", names_.second},    {"metric", metric_.metric}, {"axis", axis_.name},
          {"unit", axis_.unit},           {"level", kLevel},          {"places", places_},
          {"crossings", crossings}};
}

}  // namespace

Experiment FindExperiment(const FindChoice& choice) {
  const bool same = choice.own == choice.baseline;
  const json file = {{"name", "find"},
                     {"architectures",
                      {ParseContender(choice.baseline, same ? "B" : "baseline"),
                       ParseContender(choice.own, same ? "A" : "own")}},
                     {"connections", {choice.connections}},
                     {"workloads", {{{"name", "find"}, {"path", choice.path}}}},
                     {"load",
                      {{"busy_poll", true},
                       {"warmup", DurationText(choice.duration_ns / 3)},
                       {"duration", DurationText(choice.duration_ns)}}},
                     {"canary", false}};
  Experiment experiment = ParseExperiment(file.dump(), "crossover find");
  experiment.duet = choice.settings;
  experiment.architectures[0].label = choice.baseline + (same ? " (B)" : "");
  experiment.architectures[1].label = choice.own + (same ? " (A)" : "");
  return experiment;
}

int FindCommand(const FindChoice& choice) {
  const Programs programs = FindPrograms(choice.server_program, choice.load_program);
  Experiment experiment = FindExperiment(choice);
  RefuseUnknownArchitectures(experiment, programs);
  Find find(choice, std::move(experiment), programs);
  const int signal = find.Run();
  if (!choice.out.empty()) ReplaceFile(choice.out, find.Report().dump(1) + "\n");
  if (signal != 0) return 128 + signal;
  return find.broke_off() ? kExitFailure : 0;
}

}  // namespace crossover
