// Handler: the work of one request, the same for every architecture.
//
//   GET  /                    a body of 10 bytes
//   GET  /bytes/{n}           a body of n bytes
//   GET  /cpu/{microseconds}  spins until the thread has used that much CPU time; then as /
//   GET  /wait/{microseconds} waits, as for a database; then as /
//   POST /echo                the body that came
//
// HEAD is taken wherever GET is.
#pragma once

#include <cstdint>
#include <string_view>

namespace crossover {

enum class Method { kGet, kHead, kPost, kOther };

struct Request {
  Method method = Method::kGet;
  std::string_view target = {};  // as on the request line
  std::string_view body = {};
};

struct Reply {
  unsigned status = 200;
  std::string_view body;  // static, or the request's own; valid as long as the request is
  std::string_view content_type = "text/plain";
  std::string_view allow = {};  // the Allow header of a 405
  int64_t wait_ns = 0;          // to be waited before the reply is sent
};

// What Handle says to a request. Never fails: an unknown path is a 404, another method a 405, a
// parameter that is no number or exceeds its limit (base/limits.h) a 400. Spins inside; waiting is
// left to the caller (Reply::wait_ns), since who waits is what architectures differ in. Any thread.
Reply Handle(const Request& request);

// Makes now what Handle() would make when first needed, so that processes that are forked after it
// share it.
void PrepareHandler();

}  // namespace crossover
