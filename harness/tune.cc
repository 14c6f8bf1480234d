#include "harness/tune.h"

#include <cmath>
#include <cstdio>
#include <functional>

#include "harness/architecture_facts.h"

namespace crossover {
namespace {

constexpr const char* kMetric = "cpu_us_per_request";

// Adds a variant for each of `values` that `level` doesn't have already.
class Variants {
 public:
  explicit Variants(const ArchitectureLevel& level) : level_(level), all_{level} {}

  void Add(const char* knob, std::optional<int64_t> ArchitectureFlags::*option,
           int64_t default_value, const std::vector<int64_t>& values,
           const std::function<std::string(int64_t)>& text) {
    for (const int64_t value : values) {
      if (value == (level_.options.*option).value_or(default_value)) continue;
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

std::string Number(int64_t value) { return std::to_string(value); }

}  // namespace

std::vector<ArchitectureLevel> VariantsOf(const ArchitectureLevel& level, int64_t server_cpus) {
  const unsigned knobs = KnobsOf(level.name);
  const ArchitectureOptions defaults;
  Variants variants(level);
  if ((knobs & kKnobWorkers) != 0) {
    variants.Add("workers", &ArchitectureFlags::workers, server_cpus,
                 {server_cpus, 2 * server_cpus, 4 * server_cpus}, Number);
  }
  if ((knobs & kKnobStack) != 0) {
    variants.Add("stack", &ArchitectureFlags::stack_bytes,
                 static_cast<int64_t>(defaults.stack_bytes), {64 * 1024, 128 * 1024, 1024 * 1024},
                 Number);
  }
  if ((knobs & kKnobBatch) != 0) {
    variants.Add("batch", &ArchitectureFlags::batch, static_cast<int64_t>(defaults.batch),
                 {16, 128, 512, 4096}, Number);
  }
  if ((knobs & kKnobBusyPoll) != 0) {
    variants.Add("busy-poll", &ArchitectureFlags::busy_poll_ns, defaults.busy_poll_ns,
                 {0, 20'000, 200'000}, DurationText);
  }
  return variants.All();
}

Experiment SweepOf(const Experiment& experiment, size_t index, int64_t server_cpus) {
  Experiment sweep = experiment;
  const ArchitectureLevel& level = experiment.architectures[index];
  sweep.name = experiment.name + "-tune-" + level.name;
  sweep.architectures = VariantsOf(level, server_cpus);
  return sweep;
}

Winner ChooseWinner(const Experiment& sweep, const nlohmann::ordered_json& report) {
  const ArchitectureLevel& baseline = sweep.architectures.front();
  Winner best{.level = baseline, .variant = baseline.label};
  const size_t cells = sweep.connections.size() * sweep.workloads.size();
  for (size_t i = 1; i < sweep.architectures.size(); ++i) {
    const ArchitectureLevel& variant = sweep.architectures[i];
    double logarithms = 0;
    size_t compared = 0;
    size_t lower = 0;
    size_t higher = 0;
    for (const auto& entry : report.at("comparisons")) {
      if (entry.at("metric") != kMetric || entry.at("architecture") != variant.label) continue;
      if (!entry.at("ratio").is_number()) continue;
      logarithms += std::log(entry.at("ratio").get<double>());
      ++compared;
      lower += entry.at("verdict") == "lower" ? 1 : 0;
      higher += entry.at("verdict") == "higher" ? 1 : 0;
    }
    if (compared < cells || lower == 0 || higher > 0) continue;
    const double ratio = std::exp(logarithms / static_cast<double>(compared));
    if (ratio >= best.cpu_ratio) continue;
    best = {.level = variant, .variant = variant.label, .cpu_ratio = ratio, .reason = {}};
  }
  best.level.label = baseline.label;
  if (best.variant == baseline.label) {
    best.reason = "as it stands: no variant was found to take less CPU per request";
  } else {
    char text[64];
    std::snprintf(text, sizeof text, ": %.3f of the CPU per request", best.cpu_ratio);
    best.reason = best.variant + text;
  }
  return best;
}

}  // namespace crossover
