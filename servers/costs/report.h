// CostReporter: what Google Benchmark measured, as lines of JSON or as a table.
#pragma once

#include <benchmark/benchmark.h>

#include <cstddef>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "servers/costs/cost.h"

namespace crossover {

struct CostFigures {
  double ns = 0;                       // the median
  double spread = 0;                   // between the largest and the smallest, in medians
  std::optional<double> ran_dry = {};  // mean of kRanDry, of what has it
};

// Of one cost's repetitions, in nanoseconds; there is at least one.
CostFigures FiguresOf(std::vector<double> repetitions_ns);

// The events of a cost, as docs/measurement.md describes them.
nlohmann::json CostEvent(const Cost& cost, const CostFigures& figures);
nlohmann::json UnavailableEvent(const Cost& cost, const std::string& why);

// Registers costs with Google Benchmark, and writes each to standard output as it is measured.
class CostReporter : public benchmark::BenchmarkReporter {
 public:
  enum class Format { kEvents, kTable };
  explicit CostReporter(Format format) : format_(format) {}

  // To be measured for so long, all repetitions together.
  void Register(const Cost& cost, double seconds);

  bool ReportContext(const Context& context) override;
  void ReportRuns(const std::vector<Run>& runs) override;
  void Finalize() override;

  // What the last runs came to: an event.
  const nlohmann::json& last_event() const { return last_event_; }

 private:
  void Tell(const Cost& cost);

  const Format format_;
  std::map<std::string, Cost> costs_;  // by the name that Google Benchmark knows them by
  nlohmann::json last_event_;
};

}  // namespace crossover
