#include "loadgen/response_check.h"

#include <strings.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/check.h"

namespace crossover {
namespace {

// The only form in which a server may write a date today: RFC 9110, IMF-fixdate.
constexpr std::string_view kDateShape = "Aaa, 00 Aaa 0000 00:00:00 GMT";
constexpr std::string_view kDateName = "\r\nDate: ";

bool FitsDateShape(size_t offset, std::string_view part) {
  for (size_t i = 0; i < part.size(); ++i) {
    const char shape = kDateShape[offset + i];
    const char c = part[i];
    const bool fits = shape == '0'   ? c >= '0' && c <= '9'
                      : shape == 'a' ? c >= 'a' && c <= 'z'
                      : shape == 'A' ? c >= 'A' && c <= 'Z'
                                     : c == shape;
    if (!fits) return false;
  }
  return true;
}

// Finds the value of the Date header in `response.bytes`, if it has the usual form.
void FindDate(LearnedResponse::Template& response) {
  const std::string_view bytes = response.bytes;
  const std::string_view head = bytes.substr(0, bytes.find("\r\n\r\n") + 2);
  for (size_t at = head.find("\r\n"); at + kDateName.size() + kDateShape.size() < head.size();
       at = head.find("\r\n", at + 2)) {
    if (strncasecmp(head.data() + at, kDateName.data(), kDateName.size()) != 0) continue;
    const size_t begin = at + kDateName.size();
    if (FitsDateShape(0, head.substr(begin, kDateShape.size())) &&
        head.substr(begin + kDateShape.size()).starts_with("\r\n")) {
      response.date_begin = begin;
      response.date_end = begin + kDateShape.size();
    }
    return;
  }
}

}  // namespace

std::shared_ptr<const LearnedResponse::Template> LearnedResponse::Learn(Template candidate) {
  const std::lock_guard lock(mutex_);
  if (!template_) template_ = std::make_shared<const Template>(std::move(candidate));
  return template_;
}

ResponseCheck::ResponseCheck(LearnedResponse& run, bool is_head,
                             std::optional<std::string> expected_body, bool pipelined)
    : run_(run),
      is_head_(is_head),
      expected_body_(std::move(expected_body)),
      pipelined_(pipelined) {}

// Whether `bytes` can stand at `offset` of a response that equals the template but for its Date.
bool ResponseCheck::Matches(size_t offset, std::string_view bytes) {
  char* const expected = template_.bytes.data() + offset;
  if (std::memcmp(expected, bytes.data(), bytes.size()) == 0) return true;
  // The part of the date that these bytes hold, relative to them.
  const size_t end = offset + bytes.size();
  const size_t date_begin = std::clamp(template_.date_begin, offset, end) - offset;
  const size_t date_end = std::clamp(template_.date_end, offset, end) - offset;
  if (date_begin == date_end) return false;
  const std::string_view date = bytes.substr(date_begin, date_end - date_begin);
  if (std::memcmp(expected, bytes.data(), date_begin) != 0 ||
      std::memcmp(expected + date_end, bytes.data() + date_end, bytes.size() - date_end) != 0 ||
      !FitsDateShape(offset + date_begin - template_.date_begin, date)) {
    return false;
  }
  // Responses of the same second will now match at the first comparison.
  std::memcpy(expected + date_begin, date.data(), date.size());
  return true;
}

Verdict ResponseCheck::Feed(ResponseProgress& progress, std::string_view bytes) {
  CHECK(!bytes.empty());
  left_ = 0;
  if (progress.parser == nullptr) {
    const size_t missing = template_.bytes.size() - progress.matched;
    const std::string_view part = pipelined_ ? bytes.substr(0, missing) : bytes;
    if (learned_ && part.size() <= missing && Matches(progress.matched, part)) {
      if (part.size() < missing) {
        progress.matched += part.size();
        return Verdict::kIncomplete;
      }
      left_ = bytes.size() - part.size();
      progress.matched = 0;
      keep_alive_ = template_.keep_alive;
      ++fast_count_;
      return Verdict::kVerified;
    }
    progress.parser = std::make_unique<ResponseParser>(is_head_);
    if (progress.matched > 0) {
      // The matched bytes were let go; but for the digits of a date, the template has them.
      const std::string_view before = template_.bytes;
      progress.parser->Feed(before.substr(0, std::exchange(progress.matched, 0)));
    }
  }
  return FeedParser(progress, bytes);
}

Verdict ResponseCheck::FeedParser(ResponseProgress& progress, std::string_view bytes) {
  const ResponseParser::Status status = progress.parser->Feed(bytes);
  if (status == ResponseParser::Status::kIncomplete) return Verdict::kIncomplete;
  const std::unique_ptr<ResponseParser> parser = std::move(progress.parser);
  left_ = pipelined_ ? parser->bytes_behind() : 0;
  if (status == ResponseParser::Status::kMalformed || parser->bytes_behind() > left_) {
    left_ = 0;
    keep_alive_ = false;
    return Verdict::kMalformed;
  }
  keep_alive_ = parser->keep_alive();
  return Judge(*parser);
}

Verdict ResponseCheck::Judge(ResponseParser& parser) {
  if (parser.status_code() != 200) return Verdict::kWrongStatus;
  if (expected_body_ && parser.body() != *expected_body_) return Verdict::kWrongBody;
  if (!learned_) {
    LearnedResponse::Template candidate;
    candidate.bytes = parser.raw();
    candidate.body = parser.body();
    candidate.keep_alive = parser.keep_alive();
    FindDate(candidate);
    template_ = *run_.Learn(std::move(candidate));
    learned_ = true;
  }
  if (parser.body() != template_.body) return Verdict::kWrongBody;
  ++full_count_;
  return Verdict::kVerified;
}

}  // namespace crossover
