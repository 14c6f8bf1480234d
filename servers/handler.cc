#include "servers/handler.h"

#include <charconv>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/limits.h"
#include "base/shared_memory.h"

namespace crossover {
namespace {

constexpr std::string_view kBody = "Hello, C++";
static_assert(kBody.size() == 10);

// The path of a request target: without the query, and, in absolute form (RFC 9112, 3.2.2), without
// scheme and authority.
std::string_view PathOf(std::string_view target) {
  constexpr std::string_view kScheme = "http://";
  if (target.starts_with(kScheme)) {
    const size_t slash = target.find('/', kScheme.size());
    target = slash == std::string_view::npos ? "/" : target.substr(slash);
  }
  return target.substr(0, target.find('?'));
}

// The number after `prefix` in `path`, or nothing if it isn't one or is above `max`.
std::optional<uint64_t> Parameter(std::string_view path, std::string_view prefix, uint64_t max) {
  path.remove_prefix(prefix.size());
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(path.data(), path.data() + path.size(), value);
  if (error != std::errc{} || end != path.data() + path.size() || value > max) return {};
  return value;
}

// Any size of body is a prefix of one text, made when first asked for and kept. Shared with forked
// processes: fork() then copies no page tables for it.
std::string_view Filler(size_t size) {
  static const char* const text = [] {
    constexpr std::string_view kLine =
        "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ\n";
    auto* const all = static_cast<char*>(MapShared(limits::kResponseBodyBytesMax));
    for (size_t at = 0; at < limits::kResponseBodyBytesMax; at += kLine.size()) {
      kLine.copy(all + at, limits::kResponseBodyBytesMax - at);
    }
    return all;
  }();
  return {text, size};
}

void SpinCpu(int64_t ns) {
  const int64_t end_ns = ThreadCpuNs() + ns;
  while (ThreadCpuNs() < end_ns) {
  }
}

Reply BadParameter() { return {.status = 400, .body = "The number in the path is not usable.\n"}; }

Reply Get(std::string_view path) {
  constexpr std::string_view kBytes = "/bytes/";
  constexpr std::string_view kCpu = "/cpu/";
  constexpr std::string_view kWait = "/wait/";
  if (path == "/") return {.body = kBody};
  if (path.starts_with(kBytes)) {
    const auto size = Parameter(path, kBytes, limits::kResponseBodyBytesMax);
    if (!size) return BadParameter();
    return {.body = Filler(*size), .content_type = "application/octet-stream"};
  }
  const bool spins = path.starts_with(kCpu);
  const auto microseconds = Parameter(path, spins ? kCpu : kWait, limits::kHandlerMicrosecondsMax);
  if (!microseconds) return BadParameter();
  const int64_t ns = static_cast<int64_t>(*microseconds) * kNsPerUs;
  if (!spins) return {.body = kBody, .wait_ns = ns};
  SpinCpu(ns);
  return {.body = kBody};
}

}  // namespace

void PrepareHandler() { Filler(0); }

Reply Handle(const Request& request) {
  const std::string_view path = PathOf(request.target);
  const bool echo = path == "/echo";
  const bool known = echo || path == "/" || path.starts_with("/bytes/") ||
                     path.starts_with("/cpu/") || path.starts_with("/wait/");
  if (!known) return {.status = 404, .body = "There is nothing at this path.\n"};
  const bool reads = request.method == Method::kGet || request.method == Method::kHead;
  if (echo ? request.method != Method::kPost : !reads) {
    return {.status = 405,
            .body = "This path takes another method.\n",
            .allow = echo ? "POST" : "GET, HEAD"};
  }
  if (echo) return {.body = request.body, .content_type = "application/octet-stream"};
  return Get(path);
}

}  // namespace crossover
