#include "loadgen/url.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>

#include <charconv>
#include <cstring>
#include <memory>

#include "base/error.h"

namespace crossover {
namespace {

[[noreturn]] void Refuse(std::string_view text, const char* why) {
  throw UsageError("'" + std::string(text) + "' is not a URL to load: " + why +
                   "; write http://HOST[:PORT][/PATH]");
}

uint16_t ParsePort(std::string_view digits, std::string_view text) {
  uint16_t port = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (error != std::errc{} || end != digits.data() + digits.size() || port == 0) {
    Refuse(text, "the port is not a number from 1 to 65535");
  }
  return port;
}

}  // namespace

Url ParseUrl(std::string_view text) {
  constexpr std::string_view kScheme = "http://";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte <= ' ' || byte >= 0x7f) Refuse(text, "it holds a space or a special character");
  }
  if (text.starts_with("https://")) Refuse(text, "TLS is not supported");
  if (!text.starts_with(kScheme)) Refuse(text, "it does not begin with http://");
  std::string_view rest = text.substr(kScheme.size());
  if (rest.find('#') != std::string_view::npos) Refuse(text, "it has a fragment");

  const size_t authority_end = std::min(rest.find_first_of("/?"), rest.size());
  const std::string_view authority = rest.substr(0, authority_end);
  rest.remove_prefix(authority_end);
  if (authority.find('@') != std::string_view::npos) Refuse(text, "it has a user name");

  Url url;
  url.authority = authority;
  url.target = rest.starts_with('/') ? std::string(rest) : "/" + std::string(rest);
  std::string_view port;
  if (authority.starts_with('[')) {
    const size_t bracket = authority.find(']');
    if (bracket == std::string_view::npos) Refuse(text, "the bracket is not closed");
    url.host = authority.substr(1, bracket - 1);
    port = authority.substr(bracket + 1);
    in6_addr ignored{};
    if (inet_pton(AF_INET6, url.host.c_str(), &ignored) != 1) {
      Refuse(text, "the brackets hold no IPv6 address");
    }
  } else {
    const size_t colon = authority.find(':');
    url.host = authority.substr(0, colon);
    if (colon != std::string_view::npos) port = authority.substr(colon);
  }
  if (url.host.empty()) Refuse(text, "it names no host");
  if (!port.empty()) {
    if (port.front() != ':') Refuse(text, "the port is not a number from 1 to 65535");
    url.port = ParsePort(port.substr(1), text);
  }
  return url;
}

std::string SocketAddress::ToText() const {
  char host[INET6_ADDRSTRLEN] = "?";
  if (family() == AF_INET6) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, &storage, sizeof v6);
    inet_ntop(AF_INET6, &v6.sin6_addr, host, sizeof host);
    return "[" + std::string(host) + "]:" + std::to_string(ntohs(v6.sin6_port));
  }
  sockaddr_in v4{};
  std::memcpy(&v4, &storage, sizeof v4);
  inet_ntop(AF_INET, &v4.sin_addr, host, sizeof host);
  return std::string(host) + ":" + std::to_string(ntohs(v4.sin_port));
}

SocketAddress Resolve(const Url& url) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int error = getaddrinfo(url.host.c_str(), std::to_string(url.port).c_str(), &hints, &found);
  if (error != 0) {
    throw UsageError("host '" + url.host + "': " + gai_strerror(error));
  }
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner(found, &freeaddrinfo);
  const addrinfo* best = found;
  for (const addrinfo* each = found; each != nullptr; each = each->ai_next) {
    if (each->ai_family == AF_INET) {
      best = each;
      break;
    }
  }
  SocketAddress address;
  std::memcpy(&address.storage, best->ai_addr, best->ai_addrlen);
  address.length = best->ai_addrlen;
  return address;
}

SocketAddress SourceAddress(const SocketAddress& target, size_t number, size_t sources) {
  SocketAddress source;
  if (target.family() != AF_INET || sources <= 1) return source;
  const auto* const to = reinterpret_cast<const sockaddr_in*>(target.get());
  if (ntohl(to->sin_addr.s_addr) >> 24 != 127) return source;
  auto* const from = reinterpret_cast<sockaddr_in*>(&source.storage);
  from->sin_family = AF_INET;
  from->sin_addr.s_addr = htonl(static_cast<uint32_t>(INADDR_LOOPBACK + number % sources));
  source.length = sizeof *from;
  return source;
}

}  // namespace crossover
