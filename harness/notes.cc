#include "harness/notes.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "base/cpu_list.h"
#include "harness/load_metrics.h"
#include "harness/metric.h"
#include "harness/plan.h"
#include "harness/wording.h"

namespace crossover {
namespace {

using Notes = std::vector<std::string>;

std::string CellName(const Cell& cell, const TrialLog& log) {
  std::string name = cell.architecture + " at " + IntegerText(cell.connections);
  if (log.run.experiment.workloads.size() > 1) name += " (" + cell.workload + ")";
  return name;
}

void AddProgress(const TrialLog& log, Notes& notes) {
  const size_t planned = MakePlan(log.run.experiment).trials.size();
  if (log.trials.size() < planned) {
    notes.push_back(
        "The run is not complete: " + IntegerText(static_cast<int64_t>(log.trials.size())) +
        " of " + CountText(planned, "trial") + " were done.");
  }
  if (log.last_line_cut) {
    notes.push_back("The last line of trials.jsonl was cut off, as by a crash, and was left out.");
  }
}

void AddPlacement(const TrialLog& log, Notes& notes) {
  const auto server = ParseCpuList(log.run.server_cpus, "placement.server_cpus");
  const auto client = ParseCpuList(log.run.client_cpus, "placement.client_cpus");
  if (server.size() == 1) {
    notes.push_back(
        "One CPU for the server: designs that differ in how they use several CPUs (per-core "
        "designs) can't be ranked here.");
  }
  std::vector<int> both;
  std::ranges::set_intersection(server, client, std::back_inserter(both));
  if (!both.empty()) {
    notes.push_back("Server and load generator shared CPU " + FormatCpuList(both) +
                    ": they took it from each other, so throughput and latency are joint figures.");
  }
}

void AddInvalid(const TrialLog& log, const std::vector<Cell>& cells, Notes& notes) {
  std::vector<std::string> limited;
  std::vector<std::string> invalid;
  for (const Cell& cell : cells) {
    const auto trials = std::ranges::count_if(cell.repetitions, [](const TrialRecord* trial) {
      return trial != nullptr &&
             std::ranges::count(trial->verdict.reasons, "client_limited", &Reason::code) > 0;
    });
    if (trials > 0) {
      limited.push_back(CellName(cell, log) + " (" + std::to_string(trials) + " of " +
                        CountText(cell.done, "trial") + ")");
    }
    if (cell.done > 0 && !cell.valid) invalid.push_back(CellName(cell, log));
  }
  if (!limited.empty()) {
    notes.push_back("The load generator, not the server, was the limit in " + ListText(limited) +
                    "; throughput there does not rank servers.");
  }
  if (!invalid.empty()) {
    notes.push_back(std::string("Not valid, and so not compared") +
                    (log.run.experiment.duet ? " but by duet: " : ": ") + ListText(invalid) + ".");
  }
}

// The ratio is then of the others.
void AddLostDuets(const TrialLog& log, const std::vector<Cell>& cells, Notes& notes) {
  for (const Cell& cell : cells) {
    if (cell.duets.empty()) continue;
    size_t lost = 0;
    std::string why;
    for (const TrialRecord& trial : log.trials) {
      if (trial.pass != Pass::kDuet || trial.verdict.valid() ||
          trial.architecture != cell.architecture || trial.connections != cell.connections ||
          trial.workload != cell.workload) {
        continue;
      }
      if (lost++ == 0) why = trial.verdict.reasons.front().detail;
    }
    if (lost == 0) continue;
    notes.push_back("Of the duets of " + CellName(cell, log) + " " + std::to_string(lost) +
                    " broke off: " + why + ".");
  }
}

// Starved connections too few to make a trial invalid are still told of.
void AddStarved(const TrialLog& log, const std::vector<Cell>& cells, Notes& notes) {
  for (const Cell& cell : cells) {
    static const nlohmann::json::json_pointer kStarved("/connections/starved");
    size_t trials = 0;
    size_t most = 0;
    for (const TrialRecord& trial : log.trials) {
      if (trial.architecture != cell.architecture || trial.connections != cell.connections ||
          trial.workload != cell.workload || trial.pass != Pass::kThroughput ||
          !trial.load.is_object()) {
        continue;
      }
      const size_t starved = trial.load.value(kStarved, size_t{0});
      if (starved > 0) ++trials;
      most = std::max(most, starved);
    }
    if (trials == 0) continue;
    notes.push_back("In " + CellName(cell, log) + ", the server's scheduling left up to " +
                    CountText(most, "connection") + " without any response in the window, in " +
                    CountText(trials, "trial") + ".");
  }
}

void AddCanary(const char* name, const std::vector<double>& readings, Notes& notes) {
  if (readings.size() < 2) return;
  const auto [low, high] = std::ranges::minmax(readings);
  if (low <= 0) return;
  notes.push_back(std::string("Drift of the machine itself: the fixed ") + name +
                  " loop on the server's CPUs took " + NumberText(high / low) +
                  " times as long at its slowest as at its fastest.");
}

// Metrics that lack a median in some cells, those with the same reason in the same number of cells
// in one note. Cells without any trial say nothing here.
void AddMissing(const std::vector<Cell>& cells, Notes& notes) {
  const auto cells_done = std::ranges::count_if(cells, [](const Cell& c) { return c.done > 0; });
  std::vector<std::pair<std::string, std::vector<std::string>>> by_reason;
  for (const MetricSpec& spec : MetricCatalogue()) {
    std::map<std::string, int64_t> reasons;
    for (const Cell& cell : cells) {
      if (cell.done == 0) continue;
      const CellMetric metric = SummariseMetric(cell, spec.name);
      if (!metric.median && metric.unavailable != kOpenLoopOnly) ++reasons[metric.unavailable];
    }
    for (const auto& [reason, count] : reasons) {
      const std::string where =
          count == cells_done ? "" : " in " + CountText(static_cast<size_t>(count), "cell");
      std::string ending = where;
      ending += ": ";
      ending += reason;
      auto entry = std::ranges::find(by_reason, ending, &decltype(by_reason)::value_type::first);
      if (entry == by_reason.end()) entry = by_reason.insert(entry, {ending, {}});
      entry->second.emplace_back(spec.name);
    }
  }
  for (const auto& [ending, names] : by_reason) {
    notes.push_back("Not available: " + ListText(names) + ending + ".");
  }
}

void AddStatistics(const TrialLog& log, const std::vector<Comparison>& comparisons, Notes& notes) {
  const int64_t repetitions = log.run.experiment.repetitions;
  const double coverage = 1 - std::exp2(1 - static_cast<double>(repetitions));
  if (repetitions == 1) {
    notes.emplace_back(
        "One repetition: there are no intervals, and no difference can be detected.");
  } else if (coverage < 0.95) {
    notes.push_back("With " + IntegerText(repetitions) +
                    " repetitions the interval of a median reaches from the lowest to the highest "
                    "and covers " +
                    NumberText(coverage * 100) + " %, not 95 %.");
  }
  const bool duets = std::ranges::any_of(comparisons, &Comparison::duet);
  if (!comparisons.empty()) {
    notes.push_back(
        "Comparisons: geometric mean of the ratios of the repetitions that are valid on both "
        "sides, Student's t interval on their logarithms, and a verdict at 5 % after Holm's "
        "correction over the comparisons of each metric.");
    if (duets) {
      notes.emplace_back(
          "Where the method is duet, two servers were alive at a time and loaded in turns, in "
          "blocks with new servers each, of which the median counts. Ratio and interval are of the "
          "duets, where each was repeated over the run, and of the blocks where there was one.");
    }
  }
  size_t not_positive = 0;
  for (const Comparison& comparison : comparisons) not_positive += comparison.pairs_not_positive;
  if (not_positive > 0) {
    notes.push_back(CountText(not_positive, "pair") +
                    " of values left out of comparisons: one side is not above 0, so that they "
                    "have no ratio.");
  }
  notes.push_back(
      "Trials were interleaved whole, in seeded random order within each repetition, and" +
      std::string(duets ? ", but for the duets," : "") +
      " not run side by side: slow drift of the machine falls on all contenders alike, but widens "
      "the intervals.");
}

void AddOpenLoop(const TrialLog& log, Notes& notes) {
  const std::vector<Workload>& workloads = log.run.experiment.workloads;
  if (std::ranges::none_of(workloads, &Workload::open)) return;
  notes.emplace_back(
      "Workloads with a rate: requests are due whether or not earlier ones are answered, and "
      "latency counts from when a request was due. What is shed or left unanswered there is a "
      "result, and makes no trial invalid.");
  const auto relative = std::ranges::find_if(
      workloads, [](const Workload& workload) { return workload.rate_percent.has_value(); });
  if (relative == workloads.end()) return;
  notes.push_back("Rates in per cent are of " +
                  std::string(relative->of_slowest ? "the slowest architecture's throughput under "
                                                   : "each architecture's own throughput under ") +
                  relative->percent_of +
                  ", at as many connections and in the same repetition: offered_rps tells what "
                  "that came to.");
}

// What the instrument can tell apart here, as the run's first line quotes it.
void AddSelfTest(const TrialLog& log, Notes& notes) {
  const nlohmann::json quote = log.run.environment.value("selftest", nlohmann::json());
  if (quote.is_string() && !quote.get<std::string>().empty()) notes.push_back(quote);
}

void AddCosts(const TrialLog& log, Notes& notes) {
  const auto failed = std::ranges::find_if(
      log.costs, [](const CostReading& reading) { return !reading.failed.empty(); });
  if (failed == log.costs.end()) return;
  notes.push_back("The costs of single steps were not all measured, and predictions lack them: " +
                  failed->failed);
}

}  // namespace

std::vector<std::string> WriteNotes(const TrialLog& log, const std::vector<Cell>& cells,
                                    const std::vector<Comparison>& comparisons) {
  Notes notes;
  AddProgress(log, notes);
  AddPlacement(log, notes);
  AddOpenLoop(log, notes);
  AddInvalid(log, cells, notes);
  AddLostDuets(log, cells, notes);
  AddStarved(log, cells, notes);
  AddCanary("user-mode", CanaryTimes(log, &CanaryReading::user_ns), notes);
  AddCanary("system-call", CanaryTimes(log, &CanaryReading::syscall_ns), notes);
  AddCanary("loopback", CanaryTimes(log, &CanaryReading::loopback_ns), notes);
  AddMissing(cells, notes);
  AddSelfTest(log, notes);
  AddCosts(log, notes);
  AddStatistics(log, comparisons, notes);
  return notes;
}

}  // namespace crossover
