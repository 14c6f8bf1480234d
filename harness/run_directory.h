// RunDirectory: results/<UTC stamp>-<name>/ and the files of a run in it.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "base/fd.h"
#include "harness/trial_record.h"

namespace crossover {

// Appends whole lines to trials.jsonl, each flushed to the disk before Append returns: a crash
// loses the running trial only. Not thread-safe; one writer at a time (the file is locked).
class TrialWriter {
 public:
  // Opens `path` (made if need be), drops what follows its first `keep_bytes`. Throws UsageError if
  // another process writes to it, std::system_error if it cannot be opened or cut.
  TrialWriter(const std::filesystem::path& path, uint64_t keep_bytes);
  // Throws std::system_error if the line cannot be written whole; then none of it stays.
  void Append(const nlohmann::json& line);

 private:
  std::filesystem::path path_;
  Fd file_;
};

// "20261122T220000Z-connections": a UTC stamp and the experiment's name.
std::string MakeRunId(const std::string& created_utc, const std::string& experiment_name);

// Makes `results`/`run_id`, or with -2, -3... appended if there is one already, and returns it.
// Throws std::filesystem::filesystem_error.
std::filesystem::path MakeRunDirectory(const std::filesystem::path& results,
                                       const std::string& run_id);

// Points the relative symbolic link `results`/latest to `run_directory` (in `results`), in one
// step. Throws std::filesystem::filesystem_error; UsageError if `latest` is no link.
void PointLatestTo(const std::filesystem::path& results,
                   const std::filesystem::path& run_directory);

// Rewrites trials.jsonl, in one step, without the trials that failed outright, and drops them from
// `log`, so that they are run again. Throws std::system_error.
void ForgetFailedTrials(const std::filesystem::path& path, TrialLog& log);

// Writes `text` to `path` in one step: readers, also after a crash, see the old file or the new
// one, never a part. Throws std::system_error.
void ReplaceFile(const std::filesystem::path& path, std::string_view text);

// True if `path` has a first line, and so a run to go on with or not to overwrite.
bool HoldsWholeLine(const std::filesystem::path& path);

// True if the trial broke off, rather than ended with doubts about it.
bool FailedOutright(const TrialRecord& record);

}  // namespace crossover
