// Feeds the check of responses whatever comes, whole and in pieces. Holds it to this: the verdicts
// do not depend on the pieces, nor on whether the responses are pipelined; what it finds right by
// comparing is right when parsed; it reads nothing beyond what it is given.
//
// An input: a byte of flags, a byte that the pieces follow from, and what the server sends.
#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "loadgen/response_check.h"

namespace crossover {
namespace {

constexpr uint8_t kIsHead = 1;
constexpr uint8_t kExpectsBody = 2;

std::optional<std::string> ExpectedBody(uint8_t flags) {
  if ((flags & kExpectsBody) == 0) return {};
  return "Hello, C++";
}

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

struct Judged {
  Verdict verdict;
  size_t end;  // of the response within the stream; where it was found malformed says nothing
  bool keep_alive;

  bool operator==(const Judged&) const = default;
};

struct Outcome {
  std::vector<Judged> responses;
  uint64_t fast_count = 0;
  bool begun = false;  // the stream ends within a response

  bool operator==(const Outcome&) const = default;
};

// Feeds a copy of `bytes` that has nothing behind it: AddressSanitizer then sees who reads on.
Verdict Feed(ResponseCheck& check, ResponseProgress& progress, std::string_view bytes) {
  const std::vector<char> copy(bytes.begin(), bytes.end());
  const Verdict verdict = check.Feed(progress, {copy.data(), copy.size()});
  CHECK(check.left() < bytes.size());
  if (verdict == Verdict::kIncomplete) {
    CHECK(check.left() == 0);
    CHECK(progress.begun());
  } else {
    CHECK(!progress.begun());
  }
  return verdict;
}

Outcome Pipelined(uint8_t flags, std::string_view stream, Pieces pieces) {
  LearnedResponse run;
  ResponseCheck check(run, (flags & kIsHead) != 0, ExpectedBody(flags), /*pipelined=*/true);
  ResponseProgress progress;
  Outcome outcome;
  size_t at = 0;
  while (at < stream.size()) {
    std::string_view piece = stream.substr(at, pieces.Next(stream.size() - at));
    while (!piece.empty()) {
      const Verdict verdict = Feed(check, progress, piece);
      at += piece.size() - check.left();
      piece.remove_prefix(piece.size() - check.left());
      if (verdict == Verdict::kIncomplete) continue;
      const bool malformed = verdict == Verdict::kMalformed;
      outcome.responses.push_back({verdict, malformed ? 0 : at, check.keep_alive()});
      if (malformed) return outcome;
    }
  }
  outcome.fast_count = check.fast_count();
  outcome.begun = progress.begun();
  return outcome;
}

// The same responses, each fed by itself to a check that allows none to follow.
void CheckOneByOne(uint8_t flags, std::string_view stream, const Outcome& expected, Pieces pieces) {
  LearnedResponse run;
  ResponseCheck check(run, (flags & kIsHead) != 0, ExpectedBody(flags));
  ResponseProgress progress;
  std::optional<std::string> body = ExpectedBody(flags);
  size_t at = 0;
  for (const Judged& judged : expected.responses) {
    const size_t end = judged.verdict == Verdict::kMalformed ? stream.size() : judged.end;
    const std::string_view response = stream.substr(at, end - at);
    Verdict verdict = Verdict::kIncomplete;
    while (at < end && verdict == Verdict::kIncomplete) {
      const size_t n = pieces.Next(end - at);
      verdict = Feed(check, progress, stream.substr(at, n));
      CHECK(check.left() == 0);
      at += n;
    }
    CHECK(verdict == judged.verdict);
    if (verdict == Verdict::kMalformed) return;
    CHECK(check.keep_alive() == judged.keep_alive);
    if (verdict != Verdict::kVerified) continue;
    ResponseParser parser((flags & kIsHead) != 0);
    CHECK(parser.Feed(response) == ResponseParser::Status::kWhole);
    CHECK(parser.status_code() == 200);
    CHECK(parser.keep_alive() == judged.keep_alive);
    CHECK(parser.raw() == response);
    if (!body) body = parser.body();
    CHECK(parser.body() == *body);
  }
}

}  // namespace
}  // namespace crossover

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace crossover;
  if (size < 2) return 0;
  const std::string_view stream(reinterpret_cast<const char*>(data) + 2, size - 2);
  const Outcome whole = Pipelined(data[0], stream, Pieces({}));
  CHECK(whole == Pipelined(data[0], stream, Pieces(data[1])));
  CheckOneByOne(data[0], stream, whole, Pieces({}));
  CheckOneByOne(data[0], stream, whole, Pieces(data[1]));
  return 0;
}
