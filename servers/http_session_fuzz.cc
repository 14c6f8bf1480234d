// Feeds a session whatever comes, whole and in pieces. Holds it to this: what it says does not
// depend on the pieces and is a sequence of HTTP responses; it never asks for what can't be; it
// keeps within its limits.
//
// An input: a byte of flags, a byte that the pieces follow from, and what the client sends.
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "base/check.h"
#include "base/limits.h"
#include "servers/handler.h"
#include "servers/http_session.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#include <sanitizer/allocator_interface.h>
#define CROSSOVER_COUNTS_BYTES 1
#endif
#endif

namespace crossover {
namespace {

using Step = HttpSession::Step;

size_t AllocatedBytes() {
#ifdef CROSSOVER_COUNTS_BYTES
  return __sanitizer_get_current_allocated_bytes();
#else
  return 0;
#endif
}

// A body, the buffers while they grow, and what Beast keeps of a header and of a trailer.
constexpr size_t kSessionBytesMax = limits::kBodyBytesMax + 512 * 1024;

constexpr uint8_t kTimesOut = 1;  // at the end; else the client ends its output
constexpr uint8_t kDrains = 2;

// Sizes of pieces: everything at once, or at random, most of them small.
class Pieces {
 public:
  explicit Pieces(std::optional<uint8_t> seed) : random_(seed) {}

  size_t Next(size_t max) {
    if (!random_) return max;
    *random_ = *random_ * 1103515245 + 12345;
    const uint32_t bits = *random_ >> 8;
    return std::min<size_t>(max, 1 + (bits >> 4) % (1u << (bits % 13)));
  }

 private:
  std::optional<uint32_t> random_;
};

struct Outcome {
  std::string output;
  uint64_t requests = 0;
  uint64_t protocol_errors = 0;
  int64_t waited_ns = 0;

  bool operator==(const Outcome&) const = default;
};

// Drives one session through `input`; checks each step.
class Run {
 public:
  Run(uint8_t flags, std::string_view input, Pieces pieces)
      : flags_(flags), input_(input), pieces_(pieces) {
    context_.draining = (flags & kDrains) != 0;
  }

  Outcome Go() {
    const size_t allocated_before = AllocatedBytes();
    HttpSession session(context_, counters_);
    bool shut_down = false;
    while (session.step() != Step::kClose) {
      CHECK(AllocatedBytes() <= allocated_before + outcome_.output.capacity() + kSessionBytesMax);
      switch (session.step()) {
        case Step::kRead:
          Read(session);
          break;
        case Step::kWrite:
          CHECK(!shut_down);
          Write(session);
          break;
        case Step::kWait:
          CHECK(session.wait_ns() > 0);
          CHECK(session.wait_ns() <= limits::kHandlerMicrosecondsMax * 1000);
          CHECK(session.phase() == HttpSession::Phase::kHandling);
          outcome_.waited_ns += session.wait_ns();
          session.WaitOver();
          break;
        case Step::kShutdown:
          CHECK(!shut_down);
          shut_down = true;
          session.ShutdownDone();
          break;
        case Step::kClose:
          break;
      }
    }
    return Result();
  }

 private:
  void Read(HttpSession& session) {
    const auto buffer = session.ReadBuffer();
    CHECK(!buffer.empty());
    CHECK(buffer.size() <= limits::kReadChunkBytesMax);
    if (input_.empty()) {
      const bool lingers = session.phase() == HttpSession::Phase::kLingering;
      CHECK(lingers || (!ended_ && !timed_out_));  // once told, it answers at most, and closes
      if (!lingers && (flags_ & kTimesOut) != 0) {
        timed_out_ = true;
        session.TimedOut();
      } else {
        ended_ = true;
        session.EndOfInput();
      }
      return;
    }
    const size_t n = pieces_.Next(std::min(buffer.size(), input_.size()));
    std::memcpy(buffer.data(), input_.data(), n);
    input_.remove_prefix(n);
    session.Received(n);
  }

  void Write(HttpSession& session) {
    const auto output = session.PendingOutput();
    CHECK(!output.empty());
    CHECK(output.size() <= 2 * limits::kOutputBytesMax);
    CHECK(session.phase() == HttpSession::Phase::kWriting);
    const size_t n = pieces_.Next(output.size());
    outcome_.output.append(output.data(), n);
    session.Sent(n);
  }

  Outcome Result() {
    outcome_.requests = counters_.requests;
    outcome_.protocol_errors = counters_.protocol_errors;
    return std::move(outcome_);
  }

  const uint8_t flags_;
  std::string_view input_;
  Pieces pieces_;
  bool ended_ = false;
  bool timed_out_ = false;
  SessionContext context_{.date = DateSource([] { return time_t{784111777}; })};
  Counters::Shard counters_;
  Outcome outcome_;
};

// What the handler would spin or write for long: nothing to be learnt from it.
bool TakesLong(std::string_view input) {
  constexpr std::string_view kBytes = "/bytes/";
  constexpr size_t kDigitsMax = 5;
  if (input.find("/cpu/") != std::string_view::npos) return true;
  for (size_t at = 0; (at = input.find(kBytes, at)) != std::string_view::npos;) {
    at += kBytes.size();
    const size_t end = std::min(input.find_first_not_of("0123456789", at), input.size());
    if (end - at > kDigitsMax) return true;
  }
  return false;
}

// Where the response at `begin` may end: behind its header (if it answers a HEAD) and behind the
// body that its header tells of.
struct Ends {
  size_t header;
  size_t body;
};
Ends ParseResponse(std::string_view output, size_t begin) {
  constexpr std::string_view kLength = "\r\nContent-Length: ";
  const std::string_view rest = output.substr(begin);
  const size_t header = rest.find("\r\n\r\n");
  CHECK(header != std::string_view::npos);
  const std::string_view head = rest.substr(0, header + 2);
  CHECK(head.starts_with("HTTP/1.1 ") || head.starts_with("HTTP/1.0 "));
  const size_t end = begin + header + 4;
  if (head == "HTTP/1.1 100 Continue\r\n") return {end, end};
  CHECK(head.find("\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n") != std::string_view::npos);
  const size_t length = head.find(kLength);
  CHECK(length != std::string_view::npos);
  return {end, end + std::stoul(std::string(head.substr(length + kLength.size())))};
}

// Whether `output` is a sequence of responses. Which of them answer a HEAD is not known: all ways
// to read it are tried, and one must come out even.
bool IsSequenceOfResponses(std::string_view output, bool has_heads) {
  std::set<size_t> starts = {0};
  while (!starts.empty() && *starts.begin() < output.size()) {
    const size_t start = starts.extract(starts.begin()).value();
    // Within a body there need be no response.
    if (has_heads && !output.substr(start).starts_with("HTTP/1.")) continue;
    const Ends ends = ParseResponse(output, start);
    if (ends.body <= output.size()) starts.insert(ends.body);
    if (has_heads) starts.insert(ends.header);
  }
  return !starts.empty();
}

}  // namespace
}  // namespace crossover

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace crossover;
  if (size < 2) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data) + 2, size - 2);
  if (TakesLong(input)) return 0;
  static const Reply warm = Handle({.target = "/bytes/1"});  // allocates, once
  CHECK(warm.body.size() == 1);
  const Outcome whole = Run(data[0], input, Pieces({})).Go();
  const Outcome in_pieces = Run(data[0], input, Pieces(data[1])).Go();
  CHECK(whole == in_pieces);
  CHECK(IsSequenceOfResponses(whole.output, input.find("HEAD") != std::string_view::npos));
  CHECK(whole.protocol_errors <= 1 && whole.protocol_errors <= whole.requests);
  return 0;
}
