// The result of a run for machines.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "loadgen/load_generator.h"

namespace crossover {

// Schema "crossover-load/1". A number that can't be had (a quantile of nothing) is null.
nlohmann::json ToJson(const LoadResult& result);

// One line of progress, without a newline.
nlohmann::json ToJson(const LoadEvent& event);
// Likewise.
nlohmann::json ToJson(const LoadInterval& interval);

// Writes `value` to `path` by way of a temporary file beside it, so that no reader sees half of it.
// Throws UsageError, naming the path, if that fails.
void WriteJsonFile(const std::string& path, const nlohmann::json& value);

// Likewise, as HdrHistogram's percentile distribution.
void WriteHgrmFile(const std::string& path, const Histogram& latency);

// Likewise, as CSV with a header line: connection, and the times in nanoseconds of CLOCK_MONOTONIC.
void WriteTraceFile(const std::string& path, const std::vector<RequestTimes>& trace);

}  // namespace crossover
