// Cell: all repetitions of one architecture at one number of connections under one workload.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "harness/statistics/confidence_interval.h"
#include "harness/trial_record.h"

namespace crossover {

struct Cell {
  std::string architecture;  // label
  int64_t connections = 0;
  std::string workload;
  std::vector<const TrialRecord*> repetitions;  // nullptr: not done; owned by the log
  std::vector<const TrialRecord*> duets;        // with the baseline; they have pairs
  bool repeats_duets = false;                   // there should be several
  std::string no_duet;                          // why there is none, if one was asked for
  std::vector<const TrialRecord*> profiles;     // of those that were done
  std::vector<const TrialRecord*> traces;
  size_t done = 0;
  size_t valid_count = 0;
  // More than half of what was done is valid. Only then is the cell compared with others.
  bool valid = false;
};

// Every cell of the experiment, done or not: by workload, then connections, then architecture, each
// in the experiment's order. Refers to `log`, which must outlive the cells.
std::vector<Cell> GatherCells(const TrialLog& log);

struct CellMetric {
  std::optional<double> median;
  std::optional<ConfidenceInterval> interval95;
  std::vector<std::optional<double>> repetitions;  // every value, in repetition order
  std::string unavailable;                         // why there is no median; else empty
};

// Over the valid repetitions if the cell is valid, else over all that have a value.
CellMetric SummariseMetric(const Cell& cell, std::string_view metric);

// The cell's entry in the report.
nlohmann::ordered_json ToJson(const Cell& cell);

}  // namespace crossover
