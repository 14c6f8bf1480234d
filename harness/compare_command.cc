#include "harness/compare_command.h"

#include <charconv>
#include <iostream>
#include <vector>

#include "base/error.h"
#include "base/json_node.h"
#include "harness/run_comparison_text.h"
#include "harness/run_directory.h"

namespace crossover {
namespace {

constexpr double kPercentMax = 1000;

const MetricSpec& MetricWithDirection(const std::string& name) {
  std::vector<std::string_view> known;
  for (const MetricSpec& spec : MetricCatalogue()) {
    if (spec.better == Better::kNeither) continue;
    if (spec.name == name) return spec;
    known.push_back(spec.name);
  }
  if (FindMetric(name) != nullptr) {
    throw UsageError("--metric " + name + ": neither more nor less of it is better; try " +
                     std::string(known.front()));
  }
  const std::string nearest = NearestName(name, known);
  throw UsageError(
      "--metric " + name + ": there is no such metric; " +
      (nearest.empty() ? "a report's cells have the names" : "is it " + nearest + "?"));
}

// "3%" is 0.03.
std::optional<double> ParsePercent(const std::string& text) {
  if (text.empty()) return std::nullopt;
  double percent = 0;
  const char* const end = text.data() + text.size() - 1;
  const auto result = std::from_chars(text.data(), end, percent, std::chars_format::fixed);
  // "nan" is a number there, and not at least 0.
  if (*end != '%' || result.ec != std::errc{} || result.ptr != end || !(percent >= 0) ||
      percent > kPercentMax) {
    throw UsageError("--fail-if-slower " + text + ": write a percentage from 0% to 1000%, as 3%");
  }
  return percent / 100;
}

}  // namespace

int CompareCommand(const CompareChoice& choice) {
  const MetricSpec& metric = MetricWithDirection(choice.metric);
  const std::optional<double> limit = ParsePercent(choice.fail_if_slower);
  const RunReport a = ReadRunReport(choice.a, metric.name);
  const RunReport b = ReadRunReport(choice.b, metric.name);
  const RunComparison comparison = CompareRuns(a, b, metric, choice.judged, limit);
  std::cout << RenderRunComparison(a, b, comparison) << std::flush;
  if (!choice.json.empty()) {
    ReplaceFile(
        choice.json,
        ToJson(a, b, comparison).dump(1, ' ', false, nlohmann::json::error_handler_t::replace) +
            "\n");
  }
  if (limit && comparison.judged_cells == 0) {
    throw UsageError(
        "--fail-if-slower: no cell could be judged, and so nothing was checked; the table says "
        "why");
  }
  return comparison.cells_beyond_limit > 0 ? kExitFailure : 0;
}

}  // namespace crossover
