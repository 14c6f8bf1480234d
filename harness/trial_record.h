// The lines of trials.jsonl: one for the run, then one for each finished trial. The runner appends
// them, report and --resume read them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "harness/experiment.h"
#include "harness/metric.h"
#include "harness/model/cost_reading.h"
#include "harness/verdict.h"

namespace crossover {

struct RunRecord {
  std::string run_id;       // "20261122T220000Z-connections"
  std::string created_utc;  // "2026-11-22T22:00:00Z"
  Experiment experiment;
  nlohmann::json environment = nlohmann::json::object();
  std::string server_cpus;  // "0"
  std::string client_cpus;
};

// Every member moves without throwing; clang-tidy 14 suspects the JSON library's own assertions.
struct TrialRecord {  // NOLINT(bugprone-exception-escape)
  size_t index = 0;   // in the plan
  size_t repetition = 0;
  Pass pass = Pass::kThroughput;
  std::string architecture;  // label
  int64_t connections = 0;
  std::string workload;  // name
  std::string started_utc;
  double seconds = 0;
  Verdict verdict;
  Metrics metrics;
  nlohmann::json load;           // crossover-load's result, or null
  nlohmann::json server_before;  // counters, or null
  nlohmann::json server_after;
  nlohmann::json server_final;
  nlohmann::json findings;  // of the pass's instrument or duet, or null
  std::optional<CanaryReading> canary;
};

nlohmann::json ToJson(const RunRecord& run);
nlohmann::json ToJson(const TrialRecord& trial);

struct TrialLog {
  RunRecord run;
  std::vector<TrialRecord> trials;  // in file order; each index at most once
  std::vector<CostReading> costs;   // likewise
  bool last_line_cut = false;       // a crash left an unfinished line behind, which was dropped
  uint64_t complete_bytes = 0;      // truncate the file to this before appending to it
};

// Of the trials that have one: the readings of a loop of the canary.
template <typename Time>
std::vector<double> CanaryTimes(const TrialLog& log, Time CanaryReading::*loop) {
  std::vector<double> times;
  for (const TrialRecord& trial : log.trials) {
    if (!trial.canary) continue;
    const std::optional<double> time = (*trial.canary).*loop;
    if (time) times.push_back(*time);
  }
  return times;
}

// Reads the text of a trials.jsonl. An unfinished last line is dropped; anything else that is not
// as it should be throws UsageError with `source`:line.
TrialLog ParseTrialLog(std::string_view text, std::string_view source);

// The same from a file. Throws UsageError also if it cannot be read.
TrialLog ReadTrialLog(const std::filesystem::path& path);

}  // namespace crossover
