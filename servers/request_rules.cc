#include "servers/request_rules.h"

#include <algorithm>
#include <array>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/field.hpp>
#include <boost/beast/http/rfc7230.hpp>

namespace crossover {
namespace {

namespace beast = boost::beast;
namespace http = boost::beast::http;

// Whether the first line of `bytes` has the form of a request line, whatever the version.
bool NamesAVersion(std::string_view bytes) {
  constexpr std::string_view kShape = " HTTP/0.0\r\n";
  const std::string_view line = bytes.substr(0, bytes.find('\n') + 1);
  if (line.size() < kShape.size() || std::count(line.begin(), line.end(), ' ') != 2) return false;
  const std::string_view end = line.substr(line.size() - kShape.size());
  return std::equal(end.begin(), end.end(), kShape.begin(), [](char c, char shape) {
    return shape == '0' ? c >= '0' && c <= '9' : c == shape;
  });
}

// Whether `host` has only the characters of a host and port (RFC 3986, 3.2.2); it may be empty.
bool IsHost(std::string_view host) {
  static constexpr auto kAllowed = [] {
    std::array<bool, 256> allowed{};
    for (size_t c = 'a'; c <= 'z'; ++c) allowed[c] = allowed[c - 'a' + 'A'] = true;
    for (const char c : std::string_view("0123456789-._~%!$&'()*+,;=:[]")) {
      allowed[static_cast<unsigned char>(c)] = true;
    }
    return allowed;
  }();
  return std::all_of(host.begin(), host.end(),
                     [](char c) { return kAllowed[static_cast<unsigned char>(c)]; });
}

}  // namespace

unsigned StatusOf(const boost::system::error_code& error, std::string_view bytes) {
  if (error == http::error::header_limit) return 431;
  if (error == http::error::body_limit) return 413;
  if (error == http::error::bad_version && NamesAVersion(bytes)) return 505;
  return 400;
}

unsigned RefusedBy(const http::request<http::string_body>& request) {
  if (request.version() != 11 && request.version() != 10) return 505;
  const size_t hosts = request.count(http::field::host);
  if (hosts > 1 || (hosts == 0 && request.version() == 11)) return 400;
  const auto host = request[http::field::host];
  if (!IsHost({host.data(), host.size()})) return 400;
  if (request.method() == http::verb::unknown) return 501;
  // Beast takes a body of a coding that it doesn't know for no body at all; what follows would then
  // be read as the next request.
  if (request.find(http::field::transfer_encoding) != request.end()) {
    if (request.version() == 10) return 400;
    if (!beast::iequals(request[http::field::transfer_encoding], "chunked")) return 501;
  }
  return 0;
}

}  // namespace crossover
