#include "harness/plan.h"

#include <algorithm>
#include <cstdio>
#include <iterator>
#include <random>
#include <utility>

#include "base/clock.h"
#include "base/duration.h"
#include "harness/duet/duet.h"
#include "harness/wording.h"

namespace crossover {
namespace {

// Uniform in [0, bound). std::uniform_int_distribution differs between standard libraries; the
// engine itself does not. Numbers of the last, incomplete multiple of `bound` are drawn again.
uint64_t DrawBelow(std::mt19937_64& random, uint64_t bound) {
  const uint64_t usable = UINT64_MAX - UINT64_MAX % bound;
  uint64_t number = random();
  while (number >= usable) number = random();
  return number % bound;
}

void Shuffle(std::vector<PlannedTrial>& trials, std::mt19937_64& random) {
  for (size_t left = trials.size(); left > 1; --left) {
    std::swap(trials[left - 1], trials[DrawBelow(random, left)]);
  }
}

std::vector<PlannedTrial> EveryCellOnce(const Experiment& experiment) {
  std::vector<PlannedTrial> cells;
  for (size_t workload = 0; workload < experiment.workloads.size(); ++workload) {
    for (const int64_t connections : experiment.connections) {
      for (size_t architecture = 0; architecture < experiment.architectures.size();
           ++architecture) {
        cells.push_back({.index = 0,
                         .repetition = 0,
                         .architecture = architecture,
                         .connections = connections,
                         .workload = workload});
      }
    }
  }
  return cells;
}

// A rate that is a percentage of a throughput needs that measured before, and shortly before, since
// the machine drifts: such trials come right after that one, or the last of those that it hangs on,
// in the order that they have.
std::vector<PlannedTrial> RatesAfterTheirCapacity(const Experiment& experiment,
                                                  const std::vector<PlannedTrial>& cells) {
  std::vector<PlannedTrial> ordered;
  for (const PlannedTrial& capacity : cells) {
    const Workload& workload = experiment.workloads[capacity.workload];
    if (workload.rate_percent) continue;
    ordered.push_back(capacity);
    const auto is_like_it = [&](const PlannedTrial& trial) {
      return trial.workload == capacity.workload && trial.connections == capacity.connections;
    };
    const bool last =
        std::ranges::count_if(ordered, is_like_it) == std::ranges::count_if(cells, is_like_it);
    std::ranges::copy_if(cells, std::back_inserter(ordered), [&](const PlannedTrial& trial) {
      const Workload& other = experiment.workloads[trial.workload];
      return other.rate_percent && other.percent_of == workload.name &&
             trial.connections == capacity.connections &&
             (other.of_slowest ? last : trial.architecture == capacity.architecture);
    });
  }
  return ordered;
}

// ", and 1 of profile and 1 of trace"
std::string InstrumentsText(const Experiment& experiment) {
  std::string text;
  if (experiment.duet) {
    text = ", and " + CountText(static_cast<size_t>(experiment.duet->repetitions), "duet") +
           " with " + experiment.architectures.front().label;
  }
  for (const Pass pass : {Pass::kProfile, Pass::kTrace}) {
    const int64_t repetitions = RepetitionsOf(experiment, pass);
    if (repetitions == 0) continue;
    text += (text.empty() ? ", and " : " and ") + std::to_string(repetitions) + " of " +
            std::string(PassName(pass));
  }
  if (experiment.cost_readings > 0) {
    text += "; single steps are measured " +
            CountText(static_cast<size_t>(experiment.cost_readings), "time");
  }
  return text;
}

std::string PlaceInPlan(const Experiment& experiment, const PlannedTrial& trial) {
  const std::string& workload = experiment.workloads[trial.workload].name;
  if (trial.pass == Pass::kThroughput) return workload;
  return workload + "  (" + std::string(PassName(trial.pass)) + ")";
}

std::string SecondsText(double seconds) {
  return FormatDurationNs(static_cast<int64_t>(seconds * static_cast<double>(kNsPerSecond)));
}

constexpr double kFixedSeconds = 1.0;              // two processes, canary, memory at 0 and N
constexpr double kSecondsPerConnection = 0.00025;  // connect, serve once, read memory, close

constexpr double kBlockSeconds = 0.4;  // to start and stop two servers and two clients

constexpr int64_t kLatencyNsPerConnection = 25'000;

// Its blocks, or its time limit.
double EstimateDuetSeconds(const Experiment& experiment, const PlannedTrial& trial) {
  const DuetSettings& duet = *experiment.duet;
  const int64_t latency_ns = kLatencyNsPerConnection * trial.connections;
  const int64_t slice_ns =
      duet.slice_ns > 0 ? duet.slice_ns : std::clamp(2 * latency_ns, kSliceMinNs, kSliceMaxNs);
  const auto pairs = static_cast<size_t>(duet.pairs);
  const size_t pairs_of_block = PairsPerBlock(slice_ns, pairs);
  const auto seconds = [](int64_t ns) {
    return static_cast<double>(ns) / static_cast<double>(kNsPerSecond);
  };
  const double block =
      kBlockSeconds + 2 * kSecondsPerConnection * static_cast<double>(trial.connections) +
      seconds(2 * (slice_ns + latency_ns)) * static_cast<double>(pairs_of_block + 1);
  const double all = block * static_cast<double>(pairs) / static_cast<double>(pairs_of_block);
  return std::clamp(seconds(duet.time_limit_ns), block, std::max(block, all));
}

}  // namespace

Plan MakePlan(const Experiment& experiment) {
  Plan plan;
  std::mt19937_64 random(experiment.seed);
  const auto add = [&](Pass pass, int64_t repetition) {
    std::vector<PlannedTrial> cells = EveryCellOnce(experiment);
    Shuffle(cells, random);
    cells = RatesAfterTheirCapacity(experiment, cells);
    if (pass == Pass::kDuet) {
      std::erase_if(cells, [&](const PlannedTrial& trial) {
        return trial.architecture == 0 || !WhyNoDuet(experiment.workloads[trial.workload]).empty();
      });
    }
    for (PlannedTrial& trial : cells) {
      trial.index = plan.trials.size();
      trial.repetition = static_cast<size_t>(repetition);
      trial.pass = pass;
      plan.trials.push_back(trial);
    }
  };
  const int64_t repetitions = RepetitionsOf(experiment, Pass::kThroughput);
  const int64_t duets = RepetitionsOf(experiment, Pass::kDuet);
  for (int64_t done = 0, duet = 0; done <= repetitions; ++done) {
    while (duet < duets && (duet + 1) * repetitions / duets <= done) add(Pass::kDuet, duet++);
    if (done < repetitions) add(Pass::kThroughput, done);
  }
  for (const Pass pass : {Pass::kProfile, Pass::kTrace}) {
    for (int64_t i = 0; i < RepetitionsOf(experiment, pass); ++i) add(pass, i);
  }
  return plan;
}

double EstimateTrialSeconds(const Experiment& experiment, const PlannedTrial& trial) {
  if (trial.pass == Pass::kDuet) return EstimateDuetSeconds(experiment, trial);
  const auto window_ns = experiment.load.warmup_ns + WindowNs(experiment, trial.pass);
  return static_cast<double>(window_ns) / static_cast<double>(kNsPerSecond) + kFixedSeconds +
         kSecondsPerConnection * static_cast<double>(trial.connections);
}

double EstimatePlanSeconds(const Experiment& experiment, const Plan& plan) {
  constexpr double kReadingSeconds = 32;  // at 200, 8,000 and 16,000 connections
  double seconds = 0;
  for (const PlannedTrial& trial : plan.trials) seconds += EstimateTrialSeconds(experiment, trial);
  return seconds + kReadingSeconds * static_cast<double>(experiment.cost_readings);
}

size_t TrialAfterReading(const Experiment& experiment, const Plan& plan, size_t reading) {
  const auto before_instruments = std::ranges::count_if(plan.trials, [](const PlannedTrial& trial) {
    return trial.pass == Pass::kThroughput || trial.pass == Pass::kDuet;
  });
  return reading * static_cast<size_t>(before_instruments) /
         static_cast<size_t>(experiment.cost_readings);
}

std::string RenderPlan(const Experiment& experiment, const Plan& plan) {
  size_t label_width = std::string_view("architecture").size();
  for (const ArchitectureLevel& level : experiment.architectures) {
    label_width = std::max(label_width, level.label.size());
  }
  const int width = static_cast<int>(label_width);
  char line[256];
  std::string text = experiment.name + ": " + std::to_string(plan.trials.size()) + " trials (" +
                     std::to_string(experiment.architectures.size()) + " architectures x " +
                     std::to_string(experiment.connections.size()) + " connection counts x " +
                     std::to_string(experiment.workloads.size()) + " workloads x " +
                     std::to_string(experiment.repetitions) + " repetitions" +
                     InstrumentsText(experiment) + "), about " +
                     SecondsText(EstimatePlanSeconds(experiment, plan)) + "\n";
  std::snprintf(line, sizeof line, "%6s  %10s  %-*s  %11s  %s\n", "trial", "repetition", width,
                "architecture", "connections", "workload");
  text += line;
  for (const PlannedTrial& trial : plan.trials) {
    std::snprintf(
        line, sizeof line, "%6zu  %10zu  %-*s  %11lld  %s\n", trial.index + 1, trial.repetition + 1,
        width, experiment.architectures[trial.architecture].label.c_str(),
        static_cast<long long>(trial.connections), PlaceInPlan(experiment, trial).c_str());
    text += line;
  }
  return text;
}

}  // namespace crossover
