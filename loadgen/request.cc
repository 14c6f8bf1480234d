#include "loadgen/request.h"

#include <strings.h>

#include <utility>

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

std::string BodyOf(size_t bytes) {
  std::string body;
  body.reserve(bytes);
  // A period that is prime to every power of two, so that a shifted echo is no right one.
  for (size_t i = 0; i < bytes; ++i) body += static_cast<char>('!' + (i % 89));
  return body;
}

Request BuildRequest(const std::string& authority, const std::string& target, Method method,
                     std::string body, bool closes) {
  Request request{.method = method, .bytes = {}, .body = std::move(body)};
  request.bytes = std::string(MethodName(method)) + " " + target +
                  " HTTP/1.1\r\nHost: " + authority +
                  "\r\nUser-Agent: crossover-load/0.1\r\nAccept: */*\r\n";
  if (closes) request.bytes += "Connection: close\r\n";
  if (method == Method::kPost) {
    request.bytes += "Content-Type: application/octet-stream\r\nContent-Length: " +
                     std::to_string(request.body.size()) + "\r\n";
  }
  request.bytes += "\r\n" + request.body;
  return request;
}

}  // namespace crossover
