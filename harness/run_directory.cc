#include "harness/run_directory.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <fstream>

#include "base/error.h"
#include "base/ndjson.h"

namespace crossover {
namespace {

void WriteWhole(int fd, std::string_view text, const std::string& name) {
  while (!text.empty()) {
    const ssize_t n = ::write(fd, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) ThrowErrno("write " + name);
    text.remove_prefix(static_cast<size_t>(n));
  }
}

}  // namespace

TrialWriter::TrialWriter(const std::filesystem::path& path, uint64_t keep_bytes) : path_(path) {
  file_.Reset(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
  if (!file_) ThrowErrno("cannot open " + path.string());
  if (::flock(file_.get(), LOCK_EX | LOCK_NB) != 0) {
    throw UsageError(path.string() + " is being written by another run");
  }
  if (::ftruncate(file_.get(), static_cast<off_t>(keep_bytes)) != 0) {
    ThrowErrno("cannot cut " + path.string());
  }
}

void TrialWriter::Append(const nlohmann::json& line) {
  struct stat before {};
  if (::fstat(file_.get(), &before) != 0) ThrowErrno(path_.string());
  if (!WriteJsonLine(file_.get(), line) || ::fdatasync(file_.get()) != 0) {
    const int error_number = errno;
    [[maybe_unused]] const int result = ::ftruncate(file_.get(), before.st_size);
    ThrowErrno("cannot write to " + path_.string(), error_number);
  }
}

std::string MakeRunId(const std::string& created_utc, const std::string& experiment_name) {
  std::string stamp = created_utc;
  std::erase_if(stamp, [](char c) { return c == '-' || c == ':'; });
  return stamp + "-" + experiment_name;
}

std::filesystem::path MakeRunDirectory(const std::filesystem::path& results,
                                       const std::string& run_id) {
  std::filesystem::create_directories(results);
  std::filesystem::path directory = results / run_id;
  for (int n = 2; !std::filesystem::create_directory(directory); ++n) {
    directory = results / (run_id + "-" + std::to_string(n));
  }
  return directory;
}

void PointLatestTo(const std::filesystem::path& results,
                   const std::filesystem::path& run_directory) {
  const std::filesystem::path latest = results / "latest";
  const auto status = std::filesystem::symlink_status(latest);
  if (std::filesystem::exists(status) && !std::filesystem::is_symlink(status)) {
    throw UsageError(latest.string() + " is not a symbolic link; move it away");
  }
  const std::filesystem::path fresh = results / (".latest." + std::to_string(::getpid()));
  std::filesystem::remove(fresh);
  std::filesystem::create_directory_symlink(run_directory.filename(), fresh);
  std::filesystem::rename(fresh, latest);
}

bool FailedOutright(const TrialRecord& record) {
  return std::any_of(record.verdict.reasons.begin(), record.verdict.reasons.end(),
                     [](const Reason& reason) { return reason.code == "failed"; });
}

bool HoldsWholeLine(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::string line;
  return std::getline(file, line) && !file.eof();
}

void ForgetFailedTrials(const std::filesystem::path& path, TrialLog& log) {
  const TrialWriter lock(path, log.complete_bytes);  // nobody else writes to what is replaced
  if (std::erase_if(log.trials, FailedOutright) == 0) return;
  const std::filesystem::path fresh = path.string() + ".new";
  {
    TrialWriter writer(fresh, 0);
    writer.Append(ToJson(log.run));
    for (const TrialRecord& trial : log.trials) writer.Append(ToJson(trial));
  }
  std::filesystem::rename(fresh, path);
  log.complete_bytes = std::filesystem::file_size(path);
}

void ReplaceFile(const std::filesystem::path& path, std::string_view text) {
  const std::string temporary = path.string() + ".new";
  Fd file(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (!file) ThrowErrno("open " + temporary);
  WriteWhole(file.get(), text, temporary);
  // Without this a crash of the machine may leave the new name with no content.
  if (::fsync(file.get()) != 0) ThrowErrno("fsync " + temporary);
  if (::rename(temporary.c_str(), path.c_str()) != 0) ThrowErrno("rename to " + path.string());
}

}  // namespace crossover
