// The request of a run: the same bytes each time.
#pragma once

#include <cstddef>
#include <string>

#include "loadgen/url.h"

namespace crossover {

enum class Method { kGet, kHead, kPost };

struct Request {
  Method method = Method::kGet;
  std::string bytes;  // head and body, as they are sent
  std::string body;
};

// Throws UsageError if `name` is none of GET, HEAD, POST (in any case).
Method ParseMethod(const std::string& name);
const char* MethodName(Method method);

// `body_bytes` of printable text are the body of a POST; the other methods have none.
Request BuildRequest(const Url& url, Method method, size_t body_bytes);

}  // namespace crossover
