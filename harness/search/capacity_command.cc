#include "harness/search/capacity_command.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <iostream>
#include <map>
#include <optional>

#include "base/duration.h"
#include "base/error.h"
#include "harness/contender.h"
#include "harness/conversation.h"
#include "harness/programs.h"
#include "harness/rig.h"
#include "harness/run_directory.h"
#include "harness/search/highest_rate.h"
#include "harness/trial.h"
#include "harness/wording.h"

namespace crossover {
namespace {

using nlohmann::json;

constexpr double kUnansweredMax = 0.001;
constexpr double kBehindMax = 0.02;    // of the requests that were due
constexpr double kBehindByChance = 3;  // standard deviations
constexpr double kFirstShare = 0.8;  // of the throughput in a closed loop: where the search begins

// One architecture's search, and the best trial that kept the objective.
struct Contender {
  std::string label;
  double closed_rps = 0;
  std::optional<HighestRate> search;
  Metrics best;
  std::map<std::string, size_t> doubts;  // trials by what speaks against them
};

class Capacity {
 public:
  Capacity(const CapacityChoice& choice, Experiment experiment, const Programs& programs)
      : objective_(ParseObjective(choice.objective)),
        experiment_(std::move(experiment)),
        rig_(programs, experiment_.placement) {
    for (const ArchitectureLevel& level : experiment_.architectures) {
      contenders_.push_back({.label = level.label, .search = {}, .best = {}, .doubts = {}});
    }
  }

  // Returns the signal that interrupted it, or 0.
  int Run();
  std::string Table() const;
  bool broke_off() const { return broke_off_; }
  json Report() const;

 private:
  Metrics Try(size_t architecture, std::optional<double> rate_rps);
  // True if there was something to try.
  bool Step(size_t architecture);

  const Objective objective_;
  Experiment experiment_;
  Rig rig_;
  std::vector<Contender> contenders_;
  bool broke_off_ = false;
};

Metrics Capacity::Try(size_t architecture, std::optional<double> rate_rps) {
  experiment_.workloads.front().rate_rps = rate_rps;
  const TrialRecord record = rig_.Run(
      experiment_, {.architecture = architecture, .connections = experiment_.connections.front()});
  for (const Reason& reason : record.verdict.reasons) {
    ++contenders_[architecture].doubts[reason.code];
    if (reason.code == "failed") {
      throw TrialFailure("a trial of " + contenders_[architecture].label +
                         " broke off: " + reason.detail);
    }
  }
  return record.metrics;
}

bool Capacity::Step(size_t architecture) {
  Contender& contender = contenders_[architecture];
  const auto rate = contender.search->Next();
  if (!rate) return false;
  const Metrics metrics = Try(architecture, *rate);
  const bool met =
      Keeps(metrics, objective_, static_cast<double>(experiment_.load.duration_ns) / 1e9);
  contender.search->Add(met);
  if (met && *rate >= contender.search->met_rps().value_or(0)) contender.best = metrics;
  const auto latency = MetricOf(metrics, objective_.metric);
  std::cout << "  " << contender.label << " at " << NumberText(*rate)
            << " requests/s: " << objective_.text.substr(0, objective_.text.find('<')) << " "
            << (latency ? NumberText(*latency / 1e3) + " ms" : "unknown") << ", "
            << (met ? "kept" : "missed") << std::endl;
  return true;
}

int Capacity::Run() {
  try {
    for (size_t i = 0; i < contenders_.size(); ++i) {
      const Metrics closed = Try(i, std::nullopt);
      contenders_[i].closed_rps = MetricOf(closed, "throughput_rps").value_or(0);
      if (contenders_[i].closed_rps <= 0) {
        throw TrialFailure(contenders_[i].label + " answered nothing in a closed loop");
      }
      std::cout << "  " << contenders_[i].label
                << " in a closed loop: " << NumberText(contenders_[i].closed_rps) << " requests/s"
                << std::endl;
      contenders_[i].search.emplace(
          HighestRateRules{.first_rps = contenders_[i].closed_rps * kFirstShare});
    }
    for (bool any = true; any;) {
      any = false;
      for (size_t i = 0; i < contenders_.size(); ++i) any = Step(i) || any;
    }
  } catch (const TrialInterrupted&) {
    return rig_.signal();
  } catch (const TrialFailure& failure) {
    std::cout << "The search broke off: " << failure.what() << std::endl;
    broke_off_ = true;
  }
  return 0;
}

std::string Capacity::Table() const {
  size_t width = 12;
  for (const Contender& each : contenders_) width = std::max(width, each.label.size());
  const auto row = [&](const std::array<std::string, 5>& cells) {
    char text[512];
    std::snprintf(text, sizeof text, "%-*s %16s %16s %16s %20s\n", static_cast<int>(width),
                  cells[0].c_str(), cells[1].c_str(), cells[2].c_str(), cells[3].c_str(),
                  cells[4].c_str());
    return std::string(text);
  };
  std::string text = "Highest rate with " + objective_.text + " (" +
                     IntegerText(experiment_.connections.front()) +
                     " connections), requests/s\n\n" +
                     row({"", "kept at", "missed at", "closed loop", "CPU there, us/req."});
  for (const Contender& each : contenders_) {
    if (!each.search) continue;
    const auto number = [](std::optional<double> value) {
      return value ? NumberText(*value) : std::string("none");
    };
    text += row({each.label, number(each.search->met_rps()), number(each.search->missed_rps()),
                 NumberText(each.closed_rps), number(MetricOf(each.best, "cpu_us_per_request"))});
  }
  for (const Contender& each : contenders_) {
    for (const auto& [code, trials] : each.doubts) {
      text += each.label + ": " + CountText(trials, "trial") + " " + code + "\n";
    }
    if (each.search && each.search->Next()) text += each.label + ": not searched to its end\n";
  }
  return text;
}

json Capacity::Report() const {
  json list = json::array();
  for (const Contender& each : contenders_) {
    if (!each.search) continue;
    const auto number = [](std::optional<double> value) { return value ? json(*value) : json(); };
    list.push_back({{"architecture", each.label},
                    {"closed_loop_rps", each.closed_rps},
                    {"kept_rps", number(each.search->met_rps())},
                    {"missed_rps", number(each.search->missed_rps())},
                    {"trials", each.search->trials()},
                    {"trials_not_valid", each.doubts},
                    {"metrics", MetricsToJson(each.best)}});
  }
  return {{"schema", "crossover-capacity/1"},
          {"created_utc", UtcNow()},
          {"objective", objective_.text},
          {"connections", experiment_.connections.front()},
          {"architectures", std::move(list)}};
}

Experiment CapacityExperiment(const CapacityChoice& choice) {
  json architectures = json::array();
  for (size_t i = 0; i < choice.contenders.size(); ++i) {
    architectures.push_back(ParseContender(choice.contenders[i], "c" + std::to_string(i)));
  }
  const json file = {{"name", "capacity"},
                     {"architectures", architectures},
                     {"connections", {choice.connections}},
                     {"workloads", {{{"name", "capacity"}, {"path", choice.path}}}},
                     {"load",
                      {{"busy_poll", true},
                       {"warmup", DurationText(choice.duration_ns / 4)},
                       {"duration", DurationText(choice.duration_ns)}}},
                     {"canary", false}};
  Experiment experiment = ParseExperiment(file.dump(), "crossover capacity");
  for (size_t i = 0; i < choice.contenders.size(); ++i) {
    experiment.architectures[i].label = choice.contenders[i];
  }
  experiment.workloads.front().arrivals = "poisson";
  return experiment;
}

}  // namespace

Objective ParseObjective(std::string_view text) {
  static constexpr std::array<std::string_view, 4> kNames = {"p50", "p90", "p99", "p999"};
  const size_t less = text.find('<');
  const std::string_view name = text.substr(0, less);
  if (less == std::string_view::npos || std::ranges::count(kNames, name) == 0) {
    throw UsageError("--objective: '" + std::string(text) +
                     "' is not one of p50, p90, p99 and p999 with its limit, such as p99<10ms");
  }
  const int64_t limit_ns = ParseDurationNs(text.substr(less + 1), "--objective");
  if (limit_ns <= 0) throw UsageError("--objective: the limit must be above 0, such as 10ms");
  return {.text = std::string(text),
          .metric = "latency_us_" + std::string(name),
          .limit_us = static_cast<double>(limit_ns) / 1e3};
}

// Whether in the window about as many were answered as were due. The difference is by how many more
// are under way at its end than at its beginning: of a rate that is kept, a difference of two
// numbers of about rate x latency each.
bool KeepsUp(const Metrics& metrics, double window_seconds) {
  const double offered_rps = MetricOf(metrics, "offered_rps").value_or(0);
  const double answered_rps = MetricOf(metrics, "throughput_rps").value_or(0);
  const double mean_seconds = MetricOf(metrics, "latency_us_mean").value_or(0) / 1e6;
  const double chance = kBehindByChance * std::sqrt(2 * offered_rps * mean_seconds);
  const double behind = (offered_rps - answered_rps) * window_seconds;
  return offered_rps > 0 && behind <= std::max(kBehindMax * offered_rps * window_seconds, chance);
}

bool Keeps(const Metrics& metrics, const Objective& objective, double window_seconds) {
  const auto latency = MetricOf(metrics, objective.metric);
  const auto unanswered = MetricOf(metrics, "unanswered_share");
  const auto shed = MetricOf(metrics, "shed_share");
  return latency && unanswered && shed && *latency < objective.limit_us &&
         *unanswered + *shed <= kUnansweredMax && KeepsUp(metrics, window_seconds);
}

int CapacityCommand(const CapacityChoice& choice) {
  const Programs programs = FindPrograms(choice.server_program, choice.load_program);
  Experiment experiment = CapacityExperiment(choice);
  RefuseUnknownArchitectures(experiment, programs);
  Capacity capacity(choice, std::move(experiment), programs);
  const int signal = capacity.Run();
  if (!choice.out.empty()) ReplaceFile(choice.out, capacity.Report().dump(1) + "\n");
  std::cout << "\n" << capacity.Table() << std::flush;
  if (signal != 0) return 128 + signal;
  return capacity.broke_off() ? kExitFailure : 0;
}

}  // namespace crossover
