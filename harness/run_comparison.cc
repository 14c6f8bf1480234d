#include "harness/run_comparison.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "base/check.h"
#include "base/error.h"
#include "harness/statistics/holm.h"
#include "harness/statistics/median.h"
#include "harness/wording.h"

namespace crossover {
namespace {

const ReportedCell* FindCell(const RunReport& report, std::string_view architecture,
                             const ReportedCell& like) {
  const auto found = std::ranges::find_if(report.cells, [&](const ReportedCell& cell) {
    return cell.architecture == architecture && cell.connections == like.connections &&
           cell.workload == like.workload;
  });
  return found == report.cells.end() ? nullptr : &*found;
}

std::string NameOf(const ReportedCell& cell) {
  return cell.architecture + " at " + IntegerText(cell.connections) + " (" + cell.workload + ")";
}

// The values that have a logarithm; relative to `baseline`'s of the same repetition if it is given.
std::vector<double> SampleOf(const ReportedCell& cell, const ReportedCell* baseline) {
  std::vector<double> sample;
  for (size_t i = 0; i < cell.values.size(); ++i) {
    const std::optional<double>& value = cell.values[i];
    if (!value || *value <= 0) continue;
    if (baseline == nullptr) {
      sample.push_back(*value);
    } else if (i < baseline->values.size() && baseline->values[i].value_or(0) > 0) {
      sample.push_back(*value / *baseline->values[i]);
    }
  }
  return sample;
}

std::optional<TwoSampleRatio> RatioOf(const std::vector<double>& a, const std::vector<double>& b) {
  if (a.empty() || b.empty()) return std::nullopt;
  return CompareSamples(a, b);
}

// What a workload asks for; how charts call it and where they place it is no part of that.
nlohmann::json WorkloadOf(const RunReport& report, const std::string& name) {
  for (nlohmann::json workload : report.experiment.value("workloads", nlohmann::json::array())) {
    if (!workload.is_object() || workload.value("name", nlohmann::json()) != name) continue;
    workload.erase("at");
    workload.erase("label");
    return workload;
  }
  return nullptr;
}

// Why the cell can't be judged, or "".
std::string Doubt(const char* run, const ReportedCell& cell) {
  if (!cell.valid) {
    return std::string("not valid in ") + run + ": " +
           (cell.reasons.empty() ? "no trial was done" : cell.reasons);
  }
  if (!cell.median) return std::string("not available in ") + run + ": " + cell.unavailable;
  return {};
}

struct CellPair {
  const ReportedCell* a;
  const ReportedCell* b;
  const ReportedCell* a_baseline;  // nullptr: none
  const ReportedCell* b_baseline;
};

std::string WhyNotJudged(const RunReport& a, const RunReport& b, const CellPair& pair,
                         const ComparedCell& cell, Judged judged) {
  if (WorkloadOf(a, cell.workload) != WorkloadOf(b, cell.workload)) return "not the same workload";
  if (std::string why = Doubt("A", *pair.a); !why.empty()) return why;
  if (std::string why = Doubt("B", *pair.b); !why.empty()) return why;
  if (judged == Judged::kRelative) {
    if (pair.a == pair.a_baseline) return "the baseline";
    if (pair.a_baseline == nullptr || pair.b_baseline == nullptr) return "no baseline in both";
    if (std::string why = Doubt("A", *pair.a_baseline); !why.empty()) return "baseline " + why;
    if (std::string why = Doubt("B", *pair.b_baseline); !why.empty()) return "baseline " + why;
  }
  const auto& ratio = judged == Judged::kRelative ? cell.relative : cell.plain;
  return ratio && ratio->interval95 ? "" : "too few repetitions";
}

// "slower" where the metric is a time or a rate; "worse" of memory, switches and the like.
const char* Word(const MetricSpec& metric, bool worse) {
  const bool speed = metric.unit == "us" || metric.unit == "requests/s";
  if (worse) return speed ? "slower" : "worse";
  return speed ? "faster" : "better";
}

// The verdicts, after Holm's correction over the cells that can be judged.
void Judge(RunComparison& comparison) {
  const bool lower_is_better = comparison.metric->better == Better::kLower;
  std::vector<ComparedCell*> cells;
  std::vector<TwoSampleRatio> costs;  // above 1: B is worse
  std::vector<double> no_difference;
  std::vector<double> within_limit;
  for (ComparedCell& cell : comparison.cells) {
    if (!cell.judged) continue;
    const TwoSampleRatio& ratio =
        comparison.judged == Judged::kRelative ? *cell.relative : *cell.plain;
    cells.push_back(&cell);
    costs.push_back(lower_is_better ? ratio : Inverse(ratio));
    no_difference.push_back(ProbabilityOfNoDifference(costs.back()));
    within_limit.push_back(ProbabilityNotAbove(costs.back(), 1 + comparison.limit.value_or(0)));
  }
  const std::vector<bool> detected = HolmRejections(no_difference, kRunComparisonLevel);
  const std::vector<bool> beyond = HolmRejections(within_limit, kRunComparisonLevel);
  for (size_t i = 0; i < cells.size(); ++i) {
    cells[i]->verdict =
        detected[i] ? Word(*comparison.metric, costs[i].log_ratio > 0) : "no detectable difference";
    if (!comparison.limit) continue;
    if (costs[i].interval95->high > 1 + *comparison.limit) ++comparison.cells_maybe_beyond;
    if (!beyond[i]) continue;
    cells[i]->beyond_limit = true;
    cells[i]->verdict = std::string(Word(*comparison.metric, true)) + " by more than " +
                        PercentText(*comparison.limit);
    ++comparison.cells_beyond_limit;
  }
  comparison.judged_cells = cells.size();
}

std::string Dumped(const nlohmann::json& value) {
  return value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

nlohmann::json ArchitectureOf(const RunReport& report, const std::string& label) {
  for (const nlohmann::json& level :
       report.experiment.value("architectures", nlohmann::json::array())) {
    if (level.is_object() && level.value("label", level.value("name", nlohmann::json())) == label) {
      return level;
    }
  }
  return nullptr;
}

// Of what both reports say: a version that doesn't know a key yet has its default. An option that
// an architecture has in one of them only is a difference.
std::vector<Difference> SettingsDifferences(const RunReport& a, const RunReport& b) {
  std::vector<Difference> differences;
  AppendDifferences("placement", a.placement, b.placement, differences);
  for (const char* key : {"load", "launcher", "canary"}) {
    if (a.experiment.contains(key) && b.experiment.contains(key)) {
      AppendDifferences(key, a.experiment[key], b.experiment[key], differences);
    }
  }
  static const std::pair<const char*, nlohmann::json> kLeftOut[] = {{"busy_poll", false},
                                                                    {"request_timeout", "30s"}};
  for (const auto& [key, otherwise] : kLeftOut) {  // what an experiment need not say
    const nlohmann::json::json_pointer at(std::string("/load/") + key);
    if (a.experiment.contains(at) == b.experiment.contains(at)) continue;
    AppendDifferences(std::string("load.") + key, a.experiment.value(at, otherwise),
                      b.experiment.value(at, otherwise), differences);
  }
  for (const nlohmann::json& level : a.experiment.value("architectures", nlohmann::json::array())) {
    const nlohmann::json label = level.is_object() ? level.value("label", nlohmann::json()) : level;
    if (!label.is_string()) continue;
    const nlohmann::json other = ArchitectureOf(b, label.get<std::string>());
    if (other.is_null() || level == other) continue;
    differences.push_back(
        {.key = label.get<std::string>(), .first = Dumped(level), .second = Dumped(other)});
  }
  return differences;
}

std::string DifferencesText(const std::vector<Difference>& differences) {
  constexpr size_t kShownMax = 5;
  constexpr size_t kBytesMax = 60;
  const auto shown = [](std::string text) {
    if (text.size() > kBytesMax) text = text.substr(0, kBytesMax) + "...";
    std::ranges::replace_if(
        text, [](unsigned char c) { return c < 0x20 || c == 0x7f; }, ' ');
    return text;
  };
  std::string text;
  for (size_t i = 0; i < std::min(differences.size(), kShownMax); ++i) {
    const Difference& each = differences[i];
    text += (i == 0 ? "" : "; ") + each.key + " (A: " + shown(each.first) +
            ", B: " + shown(each.second) + ")";
  }
  if (differences.size() > kShownMax) {
    text += "; and " + std::to_string(differences.size() - kShownMax) + " more";
  }
  return text;
}

std::vector<std::string> Warnings(const RunReport& a, const RunReport& b,
                                  const RunComparison& comparison) {
  std::vector<std::string> warnings;
  if (a.run_id == b.run_id) warnings.emplace_back("A and B are the same run.");
  const nlohmann::json a_print = a.environment.value("fingerprint", nlohmann::json());
  const nlohmann::json b_print = b.environment.value("fingerprint", nlohmann::json());
  if (!comparison.environment.empty()) {
    warnings.emplace_back(
        "The runs were made in different environments, and what differs below may "
        "be due to that: " +
        DifferencesText(comparison.environment) + ".");
  } else if (a_print.is_null() || b_print.is_null()) {
    warnings.emplace_back(
        "A report of an earlier version has no fingerprint of its environment; in "
        "what both record, the environments are the same.");
  } else if (a_print != b_print) {
    warnings.emplace_back(
        "The fingerprints of the environments differ, and nothing that both record "
        "does: the reports are of different versions of Crossover.");
  }
  if (!comparison.settings.empty()) {
    warnings.push_back("The runs had different settings: " + DifferencesText(comparison.settings) +
                       ".");
  }
  if (a.counts_ksoftirqd != b.counts_ksoftirqd) {
    warnings.emplace_back(
        "One of the reports is of an earlier version, which did not count ksoftirqd's time as the "
        "server's: CPU per request is lower in it by 1 %, and of servers that batch by up to 10 "
        "%.");
  }
  for (const auto& [name, report] : {std::pair{"A", &a}, {"B", &b}}) {
    if (!report->complete) warnings.push_back(std::string(name) + " is not complete.");
  }
  return warnings;
}

bool HasOthersThan(const RunReport& report, const std::string& baseline) {
  const auto is_baseline = [&](const ReportedCell& cell) { return cell.architecture == baseline; };
  return std::ranges::any_of(report.cells, is_baseline) &&
         !std::ranges::all_of(report.cells, is_baseline);
}

// The cell with its ratios, and why it is not judged if it isn't.
ComparedCell ComparePair(const RunReport& a, const RunReport& b, const ReportedCell& cell,
                         const ReportedCell& other, const RunComparison& comparison) {
  CellPair pair{.a = &cell, .b = &other, .a_baseline = nullptr, .b_baseline = nullptr};
  ComparedCell compared{.architecture = cell.architecture,
                        .connections = cell.connections,
                        .workload = cell.workload,
                        .a_median = cell.median,
                        .b_median = other.median,
                        .plain = RatioOf(SampleOf(cell, nullptr), SampleOf(other, nullptr))};
  if (!comparison.baseline.empty()) {
    pair.a_baseline = FindCell(a, comparison.baseline, cell);
    pair.b_baseline = FindCell(b, comparison.baseline, cell);
  }
  if (pair.a_baseline != nullptr && pair.b_baseline != nullptr && pair.a_baseline != pair.a) {
    compared.relative = RatioOf(SampleOf(cell, pair.a_baseline), SampleOf(other, pair.b_baseline));
  }
  compared.verdict = WhyNotJudged(a, b, pair, compared, comparison.judged);
  compared.judged = compared.verdict.empty();
  return compared;
}

}  // namespace

RunComparison CompareRuns(const RunReport& a, const RunReport& b, const MetricSpec& metric,
                          Judged judged, std::optional<double> limit) {
  CHECK(metric.better != Better::kNeither);
  RunComparison comparison;
  comparison.metric = &metric;
  comparison.limit = limit;
  const std::string& baseline = a.cells.front().architecture;
  if (HasOthersThan(a, baseline) && HasOthersThan(b, baseline)) comparison.baseline = baseline;
  if (judged == Judged::kRelative && comparison.baseline.empty()) {
    throw UsageError("--relative: " + b.file.string() + " and " + a.file.string() +
                     " do not both have " + baseline + ", A's baseline, and another architecture");
  }
  comparison.judged = judged != Judged::kAutomatic  ? judged
                      : comparison.baseline.empty() ? Judged::kPlain
                                                    : Judged::kRelative;
  for (const ReportedCell& cell : a.cells) {
    const ReportedCell* other = FindCell(b, cell.architecture, cell);
    if (other == nullptr) {
      comparison.only_in_a.push_back(NameOf(cell));
      continue;
    }
    comparison.cells.push_back(ComparePair(a, b, cell, *other, comparison));
  }
  for (const ReportedCell& cell : b.cells) {
    if (FindCell(a, cell.architecture, cell) == nullptr) {
      comparison.only_in_b.push_back(NameOf(cell));
    }
  }
  if (comparison.cells.empty()) {
    throw UsageError(a.file.string() + " and " + b.file.string() +
                     " have no cell in common: no architecture with the same connections and "
                     "workload");
  }
  Judge(comparison);
  comparison.environment = EnvironmentDifferences(a.environment, b.environment);
  comparison.settings = SettingsDifferences(a, b);
  comparison.warnings = Warnings(a, b, comparison);
  return comparison;
}

}  // namespace crossover
