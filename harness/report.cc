#include "harness/report.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/fd.h"
#include "harness/cell.h"
#include "harness/comparison.h"
#include "harness/notes.h"
#include "harness/statistics.h"
#include "harness/summary.h"

namespace crossover {
namespace {

using nlohmann::ordered_json;

// Null if no trial has a reading.
ordered_json CanaryToJson(const TrialLog& log) {
  const auto loop_to_json = [&](double CanaryReading::*loop) {
    std::vector<double> readings;
    for (const TrialRecord& trial : log.trials) {
      if (trial.canary) readings.push_back((*trial.canary).*loop);
    }
    if (readings.empty()) return ordered_json(nullptr);
    const auto [low, high] = std::ranges::minmax(readings);
    return ordered_json{{"median", Median(readings)}, {"min", low}, {"max", high}};
  };
  const ordered_json user = loop_to_json(&CanaryReading::user_ns);
  if (user.is_null()) return nullptr;
  return {{"user_ns", user}, {"syscall_ns", loop_to_json(&CanaryReading::syscall_ns)}};
}

void WriteWhole(int fd, std::string_view text, const std::string& name) {
  while (!text.empty()) {
    const ssize_t n = ::write(fd, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) ThrowErrno("write " + name);
    text.remove_prefix(static_cast<size_t>(n));
  }
}

// Readers see the old file or the new one, never a part.
void ReplaceFile(const std::filesystem::path& path, std::string_view text) {
  const std::string temporary = path.string() + ".new";
  Fd file(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (!file) ThrowErrno("open " + temporary);
  WriteWhole(file.get(), text, temporary);
  // Without this a crash of the machine may leave the new name with no content.
  if (::fsync(file.get()) != 0) ThrowErrno("fsync " + temporary);
  if (::rename(temporary.c_str(), path.c_str()) != 0) ThrowErrno("rename to " + path.string());
}

}  // namespace

ordered_json BuildReport(const TrialLog& log) {
  const RunRecord& run = log.run;
  const std::vector<Cell> cells = GatherCells(log);
  const std::vector<Comparison> comparisons =
      CompareCells(cells, run.experiment.architectures.front().label);
  const size_t planned = cells.size() * static_cast<size_t>(run.experiment.repetitions);

  ordered_json report;
  report["schema_version"] = kReportSchemaVersion;
  report["run_id"] = run.run_id;
  report["created_utc"] = run.created_utc;
  report["complete"] = log.trials.size() == planned;
  report["trials_planned"] = planned;
  report["trials_done"] = log.trials.size();
  report["experiment"] = ToJson(run.experiment);
  report["environment"] = run.environment;
  report["placement"] = {{"server_cpus", run.server_cpus}, {"client_cpus", run.client_cpus}};
  // No resample is drawn, and so no seed is needed: the distribution over all of them is exact.
  report["statistics"] = {{"interval", "percentile bootstrap of the median, 95 %, exact"},
                          {"resamples", 0},
                          {"seed", 0}};
  report["cells"] = ordered_json::array();
  for (const Cell& cell : cells) report["cells"].push_back(ToJson(cell));
  report["comparisons"] = ordered_json::array();
  for (const Comparison& entry : comparisons) report["comparisons"].push_back(ToJson(entry));
  report["canary"] = CanaryToJson(log);
  report["notes"] = WriteNotes(log, cells, comparisons);
  return report;
}

ordered_json WriteReport(const std::filesystem::path& run_directory) {
  ordered_json report = BuildReport(ReadTrialLog(run_directory / "trials.jsonl"));
  ReplaceFile(run_directory / "report.json",
              report.dump(1, ' ', false, ordered_json::error_handler_t::replace) + "\n");
  ReplaceFile(run_directory / "summary.md", RenderSummary(report));
  return report;
}

}  // namespace crossover
