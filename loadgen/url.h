// The address of what is loaded: http://HOST[:PORT][/PATH].
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace crossover {

struct Url {
  std::string host;  // without the brackets of an IPv6 literal
  uint16_t port = 80;
  std::string target;     // path and query, "/" at least
  std::string authority;  // host and port as written: the Host header
};

// Throws UsageError for anything but an http URL: another scheme, user information, a fragment,
// control characters or spaces, a bad port.
Url ParseUrl(std::string_view text);

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t length = 0;

  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
  int family() const { return storage.ss_family; }
  // The address as people write it: 127.0.0.1:80, [::1]:80.
  std::string ToText() const;
};

// From where connection `number` (from 0) goes to `target`: from `sources` addresses in turn,
// 127.0.0.1 and on. The kernel looks for a free local port by trying them, and on an address of
// which half the ports are taken that costs more than all the rest of a connect (seen: 55 % of the
// client's CPU for 16,000). Only for a target of 127.0.0.0/8; else, and where one address will do,
// a length of 0: as the kernel likes.
SocketAddress SourceAddress(const SocketAddress& target, size_t number, size_t sources);

// The address of `url`, an IPv4 one if there is any. Throws UsageError if the name is unknown.
SocketAddress Resolve(const Url& url);

}  // namespace crossover
