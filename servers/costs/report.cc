#include "servers/costs/report.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <exception>

#include "base/check.h"
#include "base/error.h"
#include "base/ndjson.h"

namespace crossover {
namespace {

constexpr int kRepetitions = 5;
// Of the samples, before people are told.
constexpr double kRanDryMax = 0.2;
constexpr const char* kTableFormat = "%-19s %11s %6s %10s %7s  %s\n";

// A counter of Google Benchmark's own: items per second of the time that counts.
constexpr const char* kRate = "items_per_second";

void Write(const nlohmann::json& event) {
  if (!WriteJsonLine(STDOUT_FILENO, event)) throw UsageError("standard output: the reader is gone");
}

std::string Printed(const char* format, double value) {
  char text[32];
  std::snprintf(text, sizeof text, format, value);
  return text;
}

std::string NumberOrNothing(size_t n) { return n == 0 ? "" : std::to_string(n); }

nlohmann::json EventOf(const char* kind, const Cost& cost) {
  nlohmann::json event{{"event", kind}, {"name", cost.name}};
  if (cost.connections > 0) event["connections"] = cost.connections;
  if (cost.ready > 0) event["ready"] = cost.ready;
  return event;
}

void Measure(benchmark::State& state, const Cost& cost) {
  try {
    cost.measure(state);
  } catch (const std::exception& error) {
    state.SkipWithError(error.what());
  }
}

}  // namespace

CostFigures FiguresOf(std::vector<double> repetitions_ns) {
  CHECK(!repetitions_ns.empty());
  std::sort(repetitions_ns.begin(), repetitions_ns.end());
  const size_t middle = repetitions_ns.size() / 2;
  const double median = repetitions_ns.size() % 2 == 1
                            ? repetitions_ns[middle]
                            : (repetitions_ns[middle - 1] + repetitions_ns[middle]) / 2;
  return {median, (repetitions_ns.back() - repetitions_ns.front()) / median};
}

nlohmann::json CostEvent(const Cost& cost, const CostFigures& figures) {
  nlohmann::json event = EventOf("cost", cost);
  event["ns"] = std::round(figures.ns * 10) / 10;
  event["spread"] = std::round(figures.spread * 1000) / 1000;
  if (figures.ran_dry) event["ran_dry"] = std::round(*figures.ran_dry * 1000) / 1000;
  return event;
}

nlohmann::json UnavailableEvent(const Cost& cost, const std::string& why) {
  nlohmann::json event = EventOf("unavailable", cost);
  event["why"] = why;
  return event;
}

void CostReporter::Register(const Cost& cost, double seconds) {
  const std::string name = std::string(cost.name) + "/" + std::to_string(cost.connections) + "/" +
                           std::to_string(cost.ready);
  const auto [place, added] = costs_.emplace(name, cost);
  CHECK(added);
  auto* const registered = benchmark::RegisterBenchmark(
      name.c_str(), [&cost = place->second](benchmark::State& state) { Measure(state, cost); });
  registered->UseManualTime()->Repetitions(kRepetitions);
  const double repetition_seconds = seconds / kRepetitions;
  if (cost.iteration_seconds > 0) {
    const double iterations = std::ceil(repetition_seconds / cost.iteration_seconds);
    registered->Iterations(static_cast<benchmark::IterationCount>(iterations));
  } else {
    registered->MinTime(repetition_seconds);
  }
}

bool CostReporter::ReportContext(const Context& /*context*/) {
  if (format_ == Format::kTable) {
    std::printf(kTableFormat, "cost", "connections", "ready", "ns", "spread", "of what");
  }
  return true;
}

void CostReporter::ReportRuns(const std::vector<Run>& runs) {
  std::vector<double> repetitions_ns;
  std::optional<double> ran_dry;
  std::string why = "nothing could be measured";
  for (const Run& run : runs) {
    if (run.run_type != Run::RT_Iteration) return;  // Google Benchmark's own statistics
    if (run.error_occurred) why = run.error_message;
    const auto rate = run.counters.find(kRate);
    if (run.error_occurred || rate == run.counters.end()) continue;
    const auto dry = run.counters.find(kRanDry);
    if (dry != run.counters.end()) {
      ran_dry = ran_dry.value_or(0) + dry->second.value / static_cast<double>(runs.size());
    }
    const double ns = 1e9 / rate->second.value;
    if (std::isfinite(ns) && ns > 0) repetitions_ns.push_back(ns);
  }
  const auto cost = costs_.find(runs.at(0).run_name.function_name);
  CHECK(cost != costs_.end());
  const bool measured = repetitions_ns.size() == runs.size();
  last_event_ = UnavailableEvent(cost->second, why);
  if (measured) {
    CostFigures figures = FiguresOf(std::move(repetitions_ns));
    figures.ran_dry = ran_dry;
    last_event_ = CostEvent(cost->second, figures);
  }
  Tell(cost->second);
}

void CostReporter::Tell(const Cost& cost) {
  if (format_ == Format::kEvents) return Write(last_event_);
  const bool measured = last_event_["event"] == "cost";
  const std::string ns = measured ? Printed("%.1f", last_event_["ns"]) : "-";
  const std::string spread =
      measured ? Printed("%.0f %%", 100 * double{last_event_["spread"]}) : "";
  std::string words =
      measured ? std::string(cost.words) : "unavailable: " + std::string(last_event_["why"]);
  if (last_event_.value("ran_dry", 0.0) > kRanDryMax) {
    words += "; too dear: the CPU was not always busy, since the peer didn't keep up";
  }
  std::printf(kTableFormat, std::string(cost.name).c_str(),
              NumberOrNothing(cost.connections).c_str(), NumberOrNothing(cost.ready).c_str(),
              ns.c_str(), spread.c_str(), words.c_str());
  std::fflush(stdout);
}

void CostReporter::Finalize() {
  if (format_ == Format::kEvents) Write({{"event", "done"}});
}

}  // namespace crossover
