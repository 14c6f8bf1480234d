// Lines of JSON between processes (NDJSON): one object, one line, one write.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

namespace crossover {

// Writes `value` and a newline to `fd`, whole (short writes are continued). Returns false if the
// reader is gone or the write failed; raises no signal when SIGPIPE is ignored, as it must be.
bool WriteJsonLine(int fd, const nlohmann::json& value);

// Splits what arrives on a descriptor into lines. Does not own the descriptor. One thread.
class LineReader {
 public:
  enum class Status { kLine, kTimeout, kEnd };

  explicit LineReader(int fd) : fd_(fd) {}

  // The next line, without its newline, in `line`. Waits until MonotonicNs() reaches `deadline_ns`
  // (already past: only takes what is there). kEnd: end of file, an error, or a line longer than
  // limits::kLineBytesMax. An unfinished last line is dropped.
  Status Next(std::string& line, int64_t deadline_ns);

 private:
  bool TakeLine(std::string& line);

  int fd_;
  std::string buffer_;
  size_t scanned_ = 0;
};

}  // namespace crossover
