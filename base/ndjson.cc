#include "base/ndjson.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/clock.h"
#include "base/limits.h"

namespace crossover {

bool WriteJsonLine(int fd, const nlohmann::json& value) {
  // Bytes that are not UTF-8 (a path, say) are replaced rather than thrown over.
  std::string line = value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  line += '\n';
  size_t written = 0;
  while (written < line.size()) {
    const ssize_t n = ::write(fd, line.data() + written, line.size() - written);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    written += static_cast<size_t>(n);
  }
  return true;
}

bool LineReader::TakeLine(std::string& line) {
  const size_t newline = buffer_.find('\n', scanned_);
  if (newline == std::string::npos) {
    scanned_ = buffer_.size();
    return false;
  }
  line.assign(buffer_, 0, newline);
  buffer_.erase(0, newline + 1);
  scanned_ = 0;
  return true;
}

LineReader::Status LineReader::Next(std::string& line, int64_t deadline_ns) {
  while (!TakeLine(line)) {
    if (buffer_.size() > limits::kLineBytesMax) return Status::kEnd;
    const int64_t left_ns = std::max<int64_t>(0, deadline_ns - MonotonicNs());
    const int64_t left_ms = std::min<int64_t>((left_ns + kNsPerMs - 1) / kNsPerMs, 60'000);
    pollfd poll_fd{fd_, POLLIN, 0};
    const int ready = ::poll(&poll_fd, 1, static_cast<int>(left_ms));
    if (ready < 0 && errno == EINTR) continue;
    if (ready < 0) return Status::kEnd;
    if (ready == 0) {
      if (left_ns == 0 || MonotonicNs() >= deadline_ns) return Status::kTimeout;
      continue;
    }
    char chunk[16 * 1024];
    const ssize_t n = ::read(fd_, chunk, sizeof chunk);
    if (n < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (n <= 0) return Status::kEnd;
    buffer_.append(chunk, static_cast<size_t>(n));
  }
  return Status::kLine;
}

}  // namespace crossover
