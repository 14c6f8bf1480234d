#include "harness/tune.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <optional>
#include <string_view>
#include <utility>

#include "harness/architecture_facts.h"
#include "harness/cell.h"
#include "harness/comparison.h"
#include "harness/metric.h"
#include "harness/statistics/holm.h"
#include "harness/statistics/paired_ratio.h"
#include "harness/wording.h"

namespace crossover {
namespace {

// Adds a variant for each of `values` that is not the default, unless `level` sets the knob.
class Variants {
 public:
  explicit Variants(const ArchitectureLevel& level) : level_(level), all_{level} {}

  void Add(const char* knob, std::optional<int64_t> ArchitectureFlags::*option,
           int64_t default_value, const std::vector<int64_t>& values,
           const std::function<std::string(int64_t)>& text) {
    if (level_.options.*option) return;
    for (const int64_t value : values) {
      if (value == default_value) continue;
      ArchitectureLevel variant = level_;
      variant.options.*option = value;
      variant.label = level_.label + "." + knob + "-" + text(value);
      all_.push_back(std::move(variant));
    }
  }
  std::vector<ArchitectureLevel> All() { return std::move(all_); }

 private:
  const ArchitectureLevel& level_;
  std::vector<ArchitectureLevel> all_;
};

std::string WholeNumber(int64_t value) { return std::to_string(value); }

using CellsOf = std::map<std::string, std::vector<Cell>>;  // by architecture, in one order

// The geometric mean of a metric over `cells` in one repetition, if all of them are valid there.
std::optional<double> MeanOver(const std::vector<Cell>& cells, size_t repetition,
                               std::string_view metric) {
  double logarithms = 0;
  for (const Cell& cell : cells) {
    const TrialRecord* const trial = cell.repetitions[repetition];
    if (trial == nullptr || !trial->verdict.valid()) return std::nullopt;
    const std::optional<double> value = MetricOf(trial->metrics, metric);
    if (!value || *value <= 0) return std::nullopt;
    logarithms += std::log(*value);
  }
  return std::exp(logarithms / static_cast<double>(cells.size()));
}

// Nothing with fewer than two pairs.
std::optional<PairedRatio> CompareMeans(const std::vector<Cell>& variant,
                                        const std::vector<Cell>& baseline,
                                        std::string_view metric) {
  std::vector<double> numerators;
  std::vector<double> denominators;
  for (size_t i = 0; i < baseline.front().repetitions.size(); ++i) {
    const auto numerator = MeanOver(variant, i, metric);
    const auto denominator = MeanOver(baseline, i, metric);
    if (!numerator || !denominator) continue;
    numerators.push_back(*numerator);
    denominators.push_back(*denominator);
  }
  if (numerators.size() < 2) return std::nullopt;
  return ComparePairs(numerators, denominators);
}

bool Worse(const std::vector<Cell>& variant, const std::vector<Cell>& baseline) {
  const auto throughput = CompareMeans(variant, baseline, "throughput_rps");
  const auto latency = CompareMeans(variant, baseline, "latency_us_p99");
  return (throughput && throughput->ratio < 1 / kTuneWorseMax) ||
         (latency && latency->ratio > kTuneWorseMax);
}

std::string ReasonFor(const Winner& winner, const std::string& baseline, size_t variants) {
  if (winner.variant != baseline) {
    return winner.variant + ": " + NumberText(winner.cpu_ratio) +
           " of the CPU per request, in the sweep that chose it";
  }
  if (winner.compared == 0) {
    return "as it stands: nothing could be compared, since trials were not valid";
  }
  return "as it stands: none of " + std::to_string(winner.compared) + " variants was found better" +
         (winner.compared < variants
              ? "; " + std::to_string(variants - winner.compared) + " could not be compared"
              : "");
}

}  // namespace

std::vector<ArchitectureLevel> VariantsOf(const ArchitectureLevel& level, int64_t server_cpus) {
  const unsigned knobs = KnobsOf(level.name);
  const ArchitectureOptions defaults;
  Variants variants(level);
  if ((knobs & kKnobWorkers) != 0) {
    variants.Add("workers", &ArchitectureFlags::workers, server_cpus,
                 {2 * server_cpus, 4 * server_cpus}, WholeNumber);
  }
  if ((knobs & kKnobStack) != 0) {
    variants.Add("stack", &ArchitectureFlags::stack_bytes,
                 static_cast<int64_t>(defaults.stack_bytes), {64 * 1024, 1024 * 1024}, WholeNumber);
  }
  if ((knobs & kKnobBatch) != 0) {
    variants.Add("batch", &ArchitectureFlags::batch, static_cast<int64_t>(defaults.batch),
                 {16, 128, 4096}, WholeNumber);
  }
  if ((knobs & kKnobBusyPoll) != 0) {
    variants.Add("busy-poll", &ArchitectureFlags::busy_poll_ns, defaults.busy_poll_ns,
                 {20'000, 200'000}, DurationText);
  }
  return variants.All();
}

Experiment SweepOf(const Experiment& experiment, size_t index, int64_t server_cpus) {
  Experiment sweep = experiment;
  const ArchitectureLevel& level = experiment.architectures[index];
  sweep.name = "tune-" + level.name;
  sweep.architectures = VariantsOf(level, server_cpus);
  sweep.profile.reset();
  sweep.trace.reset();
  std::erase_if(sweep.workloads,
                [](const Workload& workload) { return workload.rate_percent.has_value(); });
  return sweep;
}

Winner ChooseWinner(const TrialLog& sweep) {
  const std::vector<ArchitectureLevel>& levels = sweep.run.experiment.architectures;
  const std::string& baseline = levels.front().label;
  CellsOf cells;
  for (Cell& cell : GatherCells(sweep)) cells[cell.architecture].push_back(std::move(cell));

  struct Candidate {
    const ArchitectureLevel* level;
    PairedRatio ratio;
  };
  std::vector<Candidate> candidates;
  std::vector<double> probabilities;
  for (size_t i = 1; i < levels.size(); ++i) {
    const auto ratio = CompareMeans(cells[levels[i].label], cells[baseline], "cpu_us_per_request");
    if (!ratio) continue;
    candidates.push_back({&levels[i], *ratio});
    probabilities.push_back(ratio->probability);
  }
  const std::vector<bool> found = HolmRejections(probabilities, kComparisonLevel);
  Winner best{.level = levels.front(),
              .variant = baseline,
              .cpu_ratio = 1,
              .compared = candidates.size(),
              .reason = {}};
  for (size_t i = 0; i < candidates.size(); ++i) {
    const auto& [level, ratio] = candidates[i];
    if (!found[i] || ratio.ratio >= best.cpu_ratio) continue;
    if (Worse(cells[level->label], cells[baseline])) continue;
    best.level = *level;
    best.variant = level->label;
    best.cpu_ratio = ratio.ratio;
  }
  best.level.label = baseline;
  best.reason = ReasonFor(best, baseline, levels.size() - 1);
  return best;
}

}  // namespace crossover
