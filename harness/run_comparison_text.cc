#include "harness/run_comparison_text.h"

#include <cstdio>
#include <vector>

#include "harness/result_table.h"
#include "harness/wording.h"

namespace crossover {
namespace {

using nlohmann::ordered_json;

// "1.032 (0.981 to 1.086)": a gate of 3 % needs the third decimal.
std::string RatioText(const std::optional<TwoSampleRatio>& ratio) {
  if (!ratio) return "-";
  char text[96];
  if (ratio->interval95) {
    std::snprintf(text, sizeof text, "%.3f (%.3f to %.3f)", ratio->ratio, ratio->interval95->low,
                  ratio->interval95->high);
  } else {
    std::snprintf(text, sizeof text, "%.3f", ratio->ratio);
  }
  return text;
}

std::string MedianText(const std::optional<double>& median) {
  return median ? NumberText(*median) : "-";
}

std::string ComparisonRows(const RunComparison& comparison) {
  const bool relative = !comparison.baseline.empty();
  std::vector<std::vector<std::string>> rows = {{"architecture at connections", "A", "B", "B/A"}};
  if (relative) rows.back().emplace_back("relative B/A");
  rows.back().emplace_back("");
  std::string group;
  for (const ComparedCell& cell : comparison.cells) {
    if (cell.workload != group) rows.push_back({(group = cell.workload) + ":"});
    rows.push_back({"  " + cell.architecture + " at " + IntegerText(cell.connections),
                    MedianText(cell.a_median), MedianText(cell.b_median), RatioText(cell.plain)});
    if (relative) rows.back().push_back(RatioText(cell.relative));
    rows.back().push_back(cell.verdict);
  }
  return AlignedRows(rows);
}

std::string LoopText(const char* name, const std::optional<ReportedLoop>& a,
                     const std::optional<ReportedLoop>& b) {
  if (!a || !b) return {};
  return std::string("the ") + name + " took " + NumberText(b->median / a->median) +
         " times as long in B as in A (slowest over fastest within A " +
         NumberText(a->max / a->min) + ", within B " + NumberText(b->max / b->min) + ")";
}

std::string MachineText(const RunReport& a, const RunReport& b) {
  const std::string user = LoopText("loop in user mode", a.user_loop, b.user_loop);
  const std::string calls =
      LoopText("loop of system calls", a.system_call_loop, b.system_call_loop);
  if (user.empty() || calls.empty()) {
    return "The machine: not known, since a run without a canary is among them.\n";
  }
  const std::string loopback = LoopText("loop over loopback", a.loopback_loop, b.loopback_loop);
  return "The machine itself: " + user + "; " + calls + (loopback.empty() ? "" : "; ") + loopback +
         ".\n";
}

std::string JudgedText(const RunComparison& comparison) {
  std::string text =
      "Only ratios measured side by side in one run count as evidence; these are of two runs.\n"
      "Ratios: of geometric means, with 95 % intervals (Welch's t on logarithms).\n";
  if (!comparison.baseline.empty()) {
    text += "Relative: (B / its " + comparison.baseline + ") / (A / its " + comparison.baseline +
            ").\n";
  }
  if (comparison.judged == Judged::kRelative) {
    return text +
           "Verdicts are on the relative ratio: a machine that is slower as a whole does not show "
           "in it,\nnor does what changed in all architectures alike (for that: --plain).\n";
  }
  return text +
         "Verdicts are on B/A as it stands: that the machine was faster or slower shows in "
         "it as well.\n";
}

std::string OnlyText(const char* name, const std::vector<std::string>& cells) {
  return cells.empty() ? "" : std::string("Only in ") + name + ": " + ListText(cells) + ".\n";
}

std::string GateText(const RunComparison& comparison) {
  if (!comparison.limit) return {};
  const std::string limit = PercentText(*comparison.limit);
  return "Gate: " + CountText(comparison.cells_beyond_limit, "cell") +
         " shown to be worse by more than " + limit +
         ". Judged: " + std::to_string(comparison.judged_cells) + " of " +
         std::to_string(comparison.cells.size()) + "; in " +
         std::to_string(comparison.cells_maybe_beyond) + " of those more than " + limit +
         " is within the interval.\n";
}

ordered_json RatioToJson(const std::optional<TwoSampleRatio>& ratio) {
  if (!ratio) return nullptr;
  ordered_json entry = {{"ratio", ratio->ratio}, {"ci95_low", nullptr}, {"ci95_high", nullptr}};
  if (ratio->interval95) {
    entry["ci95_low"] = ratio->interval95->low;
    entry["ci95_high"] = ratio->interval95->high;
  }
  return entry;
}

ordered_json OrNull(const std::optional<double>& value) {
  return value ? ordered_json(*value) : ordered_json(nullptr);
}

ordered_json RunToJson(const RunReport& report) {
  return {{"file", report.file.string()},
          {"run_id", report.run_id},
          {"fingerprint", report.environment.value("fingerprint", nlohmann::json())}};
}

ordered_json DifferencesToJson(const std::vector<Difference>& differences) {
  ordered_json list = ordered_json::array();
  for (const Difference& each : differences) {
    list.push_back({{"key", each.key}, {"a", each.first}, {"b", each.second}});
  }
  return list;
}

ordered_json LoopToJson(const std::optional<ReportedLoop>& a,
                        const std::optional<ReportedLoop>& b) {
  return a && b ? ordered_json(b->median / a->median) : ordered_json(nullptr);
}

}  // namespace

std::string RenderRunComparison(const RunReport& a, const RunReport& b,
                                const RunComparison& comparison) {
  const MetricSpec& metric = *comparison.metric;
  std::string text = "A: " + a.run_id + " (" + a.file.string() + ")\nB: " + b.run_id + " (" +
                     b.file.string() + ")\n" + std::string(metric.name) + ", in " +
                     std::string(metric.unit) + ": " + std::string(metric.description) + "; " +
                     (metric.better == Better::kLower ? "lower" : "higher") + " is better\n\n";
  for (const std::string& warning : comparison.warnings) text += "WARNING: " + warning + "\n";
  text += MachineText(a, b) + "\n" + ComparisonRows(comparison) + "\n" +
          OnlyText("A", comparison.only_in_a) + OnlyText("B", comparison.only_in_b) +
          JudgedText(comparison) + GateText(comparison);
  return text;
}

ordered_json ToJson(const RunReport& a, const RunReport& b, const RunComparison& comparison) {
  ordered_json cells = ordered_json::array();
  for (const ComparedCell& cell : comparison.cells) {
    cells.push_back({{"architecture", cell.architecture},
                     {"connections", cell.connections},
                     {"workload", cell.workload},
                     {"a_median", OrNull(cell.a_median)},
                     {"b_median", OrNull(cell.b_median)},
                     {"plain", RatioToJson(cell.plain)},
                     {"relative", RatioToJson(cell.relative)},
                     {"verdict", cell.verdict},
                     {"judged", cell.judged},
                     {"beyond_limit", cell.beyond_limit}});
  }
  const bool relative = comparison.judged == Judged::kRelative;
  const bool lower = comparison.metric->better == Better::kLower;
  return {{"schema_version", 1},
          {"a", RunToJson(a)},
          {"b", RunToJson(b)},
          {"metric", comparison.metric->name},
          {"unit", comparison.metric->unit},
          {"better", lower ? "lower" : "higher"},
          {"judged", relative ? "relative" : "plain"},
          {"baseline",
           comparison.baseline.empty() ? ordered_json() : ordered_json(comparison.baseline)},
          {"level", kRunComparisonLevel},
          {"fail_if_slower", OrNull(comparison.limit)},
          {"cells_beyond_limit", comparison.cells_beyond_limit},
          {"cells_maybe_beyond", comparison.cells_maybe_beyond},
          {"warnings", comparison.warnings},
          {"environment_differences", DifferencesToJson(comparison.environment)},
          {"settings_differences", DifferencesToJson(comparison.settings)},
          {"canary_b_over_a",
           {{"user", LoopToJson(a.user_loop, b.user_loop)},
            {"system_calls", LoopToJson(a.system_call_loop, b.system_call_loop)},
            {"loopback", LoopToJson(a.loopback_loop, b.loopback_loop)}}},
          {"cells", cells},
          {"only_in_a", comparison.only_in_a},
          {"only_in_b", comparison.only_in_b}};
}

}  // namespace crossover
