#include "harness/google_benchmark.h"

#include <cmath>
#include <string>
#include <vector>

#include "harness/cell.h"
#include "harness/statistics/median.h"

namespace crossover {
namespace {

using nlohmann::ordered_json;

struct BenchmarkRun {
  size_t repetition = 0;
  int64_t requests = 0;
  double real_ns = 0;
  double cpu_ns = 0;
  double requests_per_second = 0;
};

int64_t RequestsInWindow(const nlohmann::json& load) {
  const nlohmann::json::json_pointer place("/requests/verified_in_window");
  return load.contains(place) && load[place].is_number_integer() ? load[place].get<int64_t>() : 0;
}

// The text at `key`; "" if there is none.
std::string EnvironmentText(const nlohmann::json& environment, const char* key) {
  const auto found = environment.find(key);
  return found != environment.end() && found->is_string() ? found->get<std::string>() : "";
}

std::vector<BenchmarkRun> BenchmarkRuns(const Cell& cell) {
  std::vector<BenchmarkRun> runs;
  if (!cell.valid) return runs;
  for (const TrialRecord* trial : cell.repetitions) {
    if (trial == nullptr || !trial->verdict.valid()) continue;
    const auto throughput = MetricOf(trial->metrics, "throughput_rps");
    const auto cpu_us = MetricOf(trial->metrics, "cpu_us_per_request");
    if (!throughput || !cpu_us || *throughput <= 0) continue;
    runs.push_back({.repetition = trial->repetition,
                    .requests = RequestsInWindow(trial->load),
                    .real_ns = 1e9 / *throughput,
                    .cpu_ns = *cpu_us * 1e3,
                    .requests_per_second = *throughput});
  }
  return runs;
}

// What all entries of a family begin with. `suffix`: "" or "_mean".
ordered_json BenchmarkEntry(const std::string& name, size_t family, const std::string& suffix,
                            size_t repetitions) {
  return {{"name", name + suffix},
          {"family_index", family},
          {"per_family_instance_index", 0},
          {"run_name", name},
          {"run_type", suffix.empty() ? "iteration" : "aggregate"},
          {"repetitions", repetitions}};
}

double MeanOf(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

double DeviationOf(const std::vector<double>& values) {
  const double mean = MeanOf(values);
  double squares = 0;
  for (const double value : values) squares += (value - mean) * (value - mean);
  return std::sqrt(squares / static_cast<double>(values.size() - 1));
}

double VariationOf(const std::vector<double>& values) {
  const double mean = MeanOf(values);
  return mean == 0 ? 0 : DeviationOf(values) / mean;
}

void AppendAggregates(const std::vector<BenchmarkRun>& runs, const std::string& name, size_t family,
                      size_t repetitions, ordered_json& entries) {
  struct Aggregate {
    const char* name;
    const char* unit;
    double (*of)(const std::vector<double>&);
  };
  const auto median = [](const std::vector<double>& values) { return Median(values); };
  const Aggregate aggregates[] = {{"mean", "time", MeanOf},
                                  {"median", "time", median},
                                  {"stddev", "time", DeviationOf},
                                  {"cv", "percentage", VariationOf}};
  for (const Aggregate& aggregate : aggregates) {
    const auto over = [&](double BenchmarkRun::*member) {
      std::vector<double> values;
      for (const BenchmarkRun& run : runs) values.push_back(run.*member);
      return aggregate.of(values);
    };
    ordered_json entry =
        BenchmarkEntry(name, family, std::string("_") + aggregate.name, repetitions);
    entry.update({{"threads", 1},
                  {"aggregate_name", aggregate.name},
                  {"aggregate_unit", aggregate.unit},
                  {"iterations", runs.size()},
                  {"real_time", over(&BenchmarkRun::real_ns)},
                  {"cpu_time", over(&BenchmarkRun::cpu_ns)},
                  {"time_unit", "ns"},
                  {"items_per_second", over(&BenchmarkRun::requests_per_second)}});
    entries.push_back(std::move(entry));
  }
}

ordered_json BenchmarkContext(const RunRecord& run) {
  const nlohmann::json& environment = run.environment;
  ordered_json context = {{"date", run.created_utc},
                          {"host_name", EnvironmentText(environment, "hostname_fnv1a64")},
                          {"executable", "crossover-server"},
                          {"num_cpus", environment.value("cpus", nlohmann::json(0))}};
  const nlohmann::json governor = environment.value("governor", nlohmann::json());
  if (!governor.is_null()) context["cpu_scaling_enabled"] = governor != "performance";
  const nlohmann::json load = environment.value("load_average_before", nlohmann::json());
  context["load_avg"] = load.is_null() ? ordered_json::array() : ordered_json::array({load});
  const bool release = EnvironmentText(environment, "build_type") == "Release";
  context["library_build_type"] = release ? "release" : "debug";
  context["crossover_run_id"] = run.run_id;
  context["crossover_fingerprint"] = EnvironmentText(environment, "fingerprint");
  return context;
}

}  // namespace

ordered_json ToGoogleBenchmark(const TrialLog& log) {
  ordered_json entries = ordered_json::array();
  size_t family = 0;
  for (const Cell& cell : GatherCells(log)) {
    const std::vector<BenchmarkRun> runs = BenchmarkRuns(cell);
    if (runs.empty()) continue;
    const std::string name =
        cell.architecture + "/" + std::to_string(cell.connections) + "/" + cell.workload;
    const size_t repetitions = cell.repetitions.size();
    for (const BenchmarkRun& run : runs) {
      ordered_json entry = BenchmarkEntry(name, family, "", repetitions);
      entry.update({{"repetition_index", run.repetition},
                    {"threads", 1},
                    {"iterations", run.requests},
                    {"real_time", run.real_ns},
                    {"cpu_time", run.cpu_ns},
                    {"time_unit", "ns"},
                    {"items_per_second", run.requests_per_second}});
      entries.push_back(std::move(entry));
    }
    if (runs.size() > 1) AppendAggregates(runs, name, family, repetitions, entries);
    ++family;
  }
  return {{"context", BenchmarkContext(log.run)}, {"benchmarks", entries}};
}

}  // namespace crossover
