// A request, as the same bytes each time.
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

// Printable text, for the body of a POST.
std::string BodyOf(size_t bytes);

// `target`: path and query. Only a POST has a body. `closes`: it asks the server to close the
// connection after its response.
Request BuildRequest(const std::string& authority, const std::string& target, Method method,
                     std::string body = {}, bool closes = false);

}  // namespace crossover
