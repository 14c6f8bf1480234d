// RunReport: what a comparison needs of another run's report.json.
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace crossover {

struct ReportedCell {
  std::string architecture;  // label
  int64_t connections = 0;
  std::string workload;
  bool valid = false;
  std::string reasons;                        // "noisy, errors": why trials were not valid; or ""
  std::optional<double> median;               // of the metric, as reported
  std::vector<std::optional<double>> values;  // of the metric; nullopt: no valid repetition
  std::string unavailable;                    // why there is no median; else empty
};

struct ReportedLoop {  // of the canary, in ns
  double median = 0;
  double min = 0;
  double max = 0;
};

struct RunReport {
  std::filesystem::path file;
  std::string run_id;
  bool complete = false;
  nlohmann::json experiment;
  nlohmann::json environment;
  nlohmann::json placement;
  std::optional<ReportedLoop> user_loop;
  std::optional<ReportedLoop> system_call_loop;
  std::optional<ReportedLoop> loopback_loop;  // also nullopt in reports of before there was one
  bool counts_ksoftirqd = false;              // as the server's; earlier reports don't
  std::vector<ReportedCell> cells;  // at least one; by workload, connections and architecture
};

// Takes from the text of a report what concerns `metric`. Throws UsageError, opening with `file`.
RunReport ParseRunReport(std::string_view text, const std::filesystem::path& file,
                         std::string_view metric);

// The same from a file, or from the report.json in a run's directory. Throws UsageError also if it
// cannot be read.
RunReport ReadRunReport(const std::filesystem::path& path, std::string_view metric);

}  // namespace crossover
