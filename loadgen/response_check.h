// ResponseCheck: is this the right response? Bytes in, verdict out; no I/O.
//
// The first right response of a run becomes the template. Nearly every later one equals it byte for
// byte, but for the value of its Date header, so that one comparison of memory verifies status,
// headers, length and body. What differs is parsed in full and judged by status, framing and body.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "loadgen/response_parser.h"

namespace crossover {

enum class Verdict : uint8_t {
  kIncomplete,   // so far so good; more bytes are needed
  kVerified,     // a right response, and nothing behind it
  kWrongStatus,  // not 200
  kWrongBody,    // another body than the run's first response (or than what was posted)
  kMalformed,    // not HTTP, a body without a length, over the limits, or bytes nobody asked for
};

// What all responses of a run must look like: the first right response. Safe for any thread.
class LearnedResponse {
 public:
  struct Template {
    std::string bytes;      // head and body, as received
    size_t date_begin = 0;  // the value of the Date header within `bytes`
    size_t date_end = 0;    // equal to date_begin: there is none to mask
    std::string body;
    bool keep_alive = true;
  };

  // Makes `candidate` the template if there is none yet. Returns the template of the run.
  std::shared_ptr<const Template> Learn(Template candidate);

 private:
  std::mutex mutex_;
  std::shared_ptr<const Template> template_;
};

// How far the response of one connection has come. Moves with the connection; small: bytes that
// equal the template need not be kept, and others are kept only until the response is whole.
struct ResponseProgress {
  size_t matched = 0;
  std::unique_ptr<ResponseParser> parser;

  bool begun() const { return matched > 0 || parser != nullptr; }
};

// One thread; one for all of the thread's connections.
class ResponseCheck {
 public:
  // `run` is shared by all threads of a run, and outlives this. `expected_body`: if given, every
  // body must equal it; else the first right response tells it. `pipelined`: other responses may
  // follow without a pause.
  ResponseCheck(LearnedResponse& run, bool is_head, std::optional<std::string> expected_body,
                bool pipelined = false);

  // Takes the next bytes (not empty) of the connection whose response stands at `progress`. After
  // any verdict but kIncomplete `progress` is that of a fresh response; after kMalformed the
  // connection can't be used any further. Bytes behind the end of a response are malformed, or, if
  // `pipelined`, left for the next one.
  Verdict Feed(ResponseProgress& progress, std::string_view bytes);
  // How many of the bytes last fed were left. 0 unless `pipelined`.
  size_t left() const { return left_; }

  // Whether the server keeps the connection open after the response last finished.
  bool keep_alive() const { return keep_alive_; }
  // Right responses that equalled the template, and that were parsed.
  uint64_t fast_count() const { return fast_count_; }
  uint64_t full_count() const { return full_count_; }

 private:
  bool Matches(size_t offset, std::string_view bytes);
  Verdict FeedParser(ResponseProgress& progress, std::string_view bytes);
  Verdict Judge(ResponseParser& parser);

  LearnedResponse& run_;
  const bool is_head_;
  const std::optional<std::string> expected_body_;
  const bool pipelined_;
  size_t left_ = 0;
  bool learned_ = false;
  LearnedResponse::Template template_;  // own copy; its Date is the one last seen
  bool keep_alive_ = true;
  uint64_t fast_count_ = 0;
  uint64_t full_count_ = 0;
};

}  // namespace crossover
