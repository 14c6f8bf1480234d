// Report: what a run found, computed from its trials.jsonl alone, so that it can be recomputed when
// the statistics improve.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>

#include "harness/profile/cell_profile.h"
#include "harness/trial_record.h"

namespace crossover {

inline constexpr int kReportSchemaVersion = 1;

// The report of results/schema/report.v1.json. Keys in reading order. Any thread; deterministic.
// `stacks`: what ReadStacks() finds for it.
nlohmann::ordered_json BuildReport(const TrialLog& log, const StacksByFile& stacks = {});

// Reads RUN_DIRECTORY/trials.jsonl and writes report.json, benchmark.json, summary.md and the
// tables of profiles/ beside it, each replaced in one step. Returns the report. Throws UsageError
// if the trials cannot be read, system_error if a file cannot be written.
nlohmann::ordered_json WriteReport(const std::filesystem::path& run_directory);

}  // namespace crossover
