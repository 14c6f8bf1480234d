#include "loadgen/request.h"

#include <strings.h>

#include "base/error.h"

namespace crossover {

Method ParseMethod(const std::string& name) {
  for (const Method method : {Method::kGet, Method::kHead, Method::kPost}) {
    if (strcasecmp(name.c_str(), MethodName(method)) == 0) return method;
  }
  throw UsageError("--method: '" + name + "' is not supported; choose GET, HEAD or POST");
}

const char* MethodName(Method method) {
  switch (method) {
    case Method::kGet:
      return "GET";
    case Method::kHead:
      return "HEAD";
    case Method::kPost:
      return "POST";
  }
  return "?";
}

Request BuildRequest(const Url& url, Method method, size_t body_bytes) {
  Request request;
  request.method = method;
  request.bytes = std::string(MethodName(method)) + " " + url.target +
                  " HTTP/1.1\r\nHost: " + url.authority +
                  "\r\nUser-Agent: crossover-load/0.1\r\nAccept: */*\r\n";
  if (method == Method::kPost) {
    request.body.reserve(body_bytes);
    // A period that is prime to every power of two, so that a shifted echo is no right one.
    for (size_t i = 0; i < body_bytes; ++i) {
      request.body += static_cast<char>('!' + (i % 89));
    }
    request.bytes +=
        "Content-Type: application/octet-stream\r\nContent-Length: " + std::to_string(body_bytes) +
        "\r\n";
  }
  request.bytes += "\r\n";
  request.bytes += request.body;
  return request;
}

}  // namespace crossover
