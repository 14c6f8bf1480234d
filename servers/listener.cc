#include "servers/listener.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fstream>

#include "base/error.h"
#include "base/limits.h"
#include "base/shared_memory.h"

namespace crossover {
namespace {

constexpr int kBackOffFirstMs = 5;
constexpr int kBackOffMaxMs = 1000;

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;
};

// False if `host` is no literal.
bool ToSocketAddress(const ListenAddress& address, SocketAddress* out) {
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  v4.sin_port = htons(address.port);
  if (inet_pton(AF_INET, address.host.c_str(), &v4.sin_addr) == 1) {
    std::memcpy(&out->storage, &v4, sizeof v4);
    out->size = sizeof v4;
    return true;
  }
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(address.port);
  if (inet_pton(AF_INET6, address.host.c_str(), &v6.sin6_addr) != 1) return false;
  std::memcpy(&out->storage, &v6, sizeof v6);
  out->size = sizeof v6;
  return true;
}

uint16_t BoundPort(int socket) {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  if (getsockname(socket, reinterpret_cast<sockaddr*>(&storage), &size) != 0) {
    ThrowErrno("getsockname");
  }
  sockaddr_in v4{};  // the port is at the same place in both families
  std::memcpy(&v4, &storage, sizeof v4);
  return ntohs(v4.sin_port);
}

int SoMaxConn() {
  int value = SOMAXCONN;
  std::ifstream("/proc/sys/net/core/somaxconn") >> value;
  return value;
}

void Enable(int socket, int level, int option, const char* name) {
  const int one = 1;
  if (setsockopt(socket, level, option, &one, sizeof one) != 0) {
    ThrowErrno(std::string("setsockopt(") + name + ")");
  }
}

enum class Sharing { kNone, kPort };

Fd Listen(const ListenAddress& address, int backlog, Sharing sharing) {
  SocketAddress bound;
  if (!ToSocketAddress(address, &bound)) {
    throw UsageError("--listen: '" + address.host + "' is not an IP address");
  }
  Fd socket(::socket(bound.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) ThrowErrno("socket");
  Enable(socket.get(), SOL_SOCKET, SO_REUSEADDR, "SO_REUSEADDR");
  if (sharing == Sharing::kPort) {
    Enable(socket.get(), SOL_SOCKET, SO_REUSEPORT, "SO_REUSEPORT");
  }
  Enable(socket.get(), IPPROTO_TCP, TCP_NODELAY, "TCP_NODELAY");
  if (::bind(socket.get(), reinterpret_cast<sockaddr*>(&bound.storage), bound.size) != 0 ||
      ::listen(socket.get(), backlog) != 0) {
    const int error = errno;
    throw UsageError("--listen: cannot listen on " + address.host + ":" +
                     std::to_string(address.port) + ": " + std::strerror(error) +
                     "; choose another port, or 0 for any free one");
  }
  return socket;
}

}  // namespace

ListenAddress ParseListenAddress(const std::string& text) {
  ListenAddress address;
  const size_t colon = text.rfind(':');
  bool good = colon != std::string::npos;
  if (good) {
    address.host = text.substr(0, colon);
    if (address.host.starts_with('[') && address.host.ends_with(']')) {
      address.host = address.host.substr(1, address.host.size() - 2);
    }
    const char* const end = text.data() + text.size();
    const auto result = std::from_chars(text.data() + colon + 1, end, address.port);
    SocketAddress unused;
    good = result.ec == std::errc{} && result.ptr == end && ToSocketAddress(address, &unused);
  }
  if (!good) {
    throw UsageError("--listen: '" + text +
                     "' is not an address and port; write 127.0.0.1:8080 or [::1]:8080, with port "
                     "0 for any free one");
  }
  return address;
}

Listener::Listener(const ListenAddress& address, int backlog, ConnectionTable& table,
                   Counters& counters)
    : table_(table),
      counters_(counters),
      address_(address),
      backlog_(std::min(backlog, SoMaxConn())),
      stop_(MakeSharedWithForks<StopSignal>()),
      socket_(Listen(address, backlog_, Sharing::kNone)) {
  address_.port = BoundPort(socket_.get());
  stop_->event.Reset(eventfd(0, EFD_CLOEXEC));
  if (!stop_->event) ThrowErrno("eventfd");
}

Listener::Listener(const Listener& sibling)
    : table_(sibling.table_),
      counters_(sibling.counters_),
      address_(sibling.address_),
      backlog_(sibling.backlog_),
      stop_(sibling.stop_),
      socket_(Listen(address_, backlog_, Sharing::kPort)) {}

std::vector<std::unique_ptr<Listener>> Listener::Siblings(size_t count) {
  std::vector<std::unique_ptr<Listener>> siblings;
  while (siblings.size() < count) siblings.push_back(Sibling());
  return siblings;
}

std::unique_ptr<Listener> Listener::Sibling() {
  // Set only now: two servers of one user could otherwise share a port by mistake. The kernel looks
  // at the option of a bound socket when another one asks for its port.
  Enable(socket_.get(), SOL_SOCKET, SO_REUSEPORT, "SO_REUSEPORT");
  return std::unique_ptr<Listener>(new Listener(*this));
}

std::unique_ptr<Connection> Listener::Accept(SocketMode mode) {
  while (true) {
    Accepted accepted = TryAccept(mode);
    switch (accepted.kind) {
      case Accepted::Kind::kConnection:
        return std::move(accepted.connection);
      case Accepted::Kind::kStopped:
        return nullptr;
      case Accepted::Kind::kNone:
        Wait();
        break;
      case Accepted::Kind::kBackOff:
        pollfd stop{stop_->event.get(), POLLIN, 0};
        ::poll(&stop, 1, accepted.back_off_ms);
        break;
    }
  }
}

Listener::Accepted Listener::TryAccept(SocketMode mode) {
  const int flags = SOCK_CLOEXEC | (mode == SocketMode::kNonBlocking ? SOCK_NONBLOCK : 0);
  while (true) {
    // Before: what has come by the time of the stop is still found after it.
    const bool was_stopped = stopped();
    const int result = ::accept4(socket_.get(), nullptr, nullptr, flags);
    const int error = result < 0 ? errno : 0;
    if (error != ECONNABORTED && error != EPROTO) {
      return Take(result >= 0 ? result : -error, mode, was_stopped);
    }
    // The fault of one peer; the next is tried at once.
    counters_.accept_errors.fetch_add(1, std::memory_order_relaxed);
  }
}

Listener::Accepted Listener::Take(int result, SocketMode mode) {
  return Take(result, mode, stopped());
}

Listener::Accepted Listener::Take(int result, SocketMode mode, bool stopped) {
  if (result >= 0) {
    Fd socket(result);
    // Clients that connect again at once could keep the queue from ever being empty.
    if (stopped && stop_->accepted_since.fetch_add(1) >= backlog_) return EndOfAccepting();
    back_off_ms_ = 0;
    counters_.accepted.fetch_add(1, std::memory_order_relaxed);
    return {Accepted::Kind::kConnection,
            std::make_unique<Connection>(std::move(socket), mode, table_)};
  }
  // What another process that has the socket too ended.
  const bool ended = result == -EINVAL && this->stopped();
  if (result != -EAGAIN && result != -EINTR && !ended) {
    counters_.accept_errors.fetch_add(1, std::memory_order_relaxed);
    const bool peers_fault = result == -ECONNABORTED || result == -EPROTO;
    if (!peers_fault && !stopped) {
      back_off_ms_ = std::clamp(2 * back_off_ms_, kBackOffFirstMs, kBackOffMaxMs);
      return {Accepted::Kind::kBackOff, nullptr, back_off_ms_};
    }
  }
  if (stopped || ended) return EndOfAccepting();
  return {Accepted::Kind::kNone};
}

// From here on the kernel refuses connections, where it would otherwise take them and reset them at
// the end. The descriptor stays, as pollers may still have it.
Listener::Accepted Listener::EndOfAccepting() {
  ::shutdown(socket_.get(), SHUT_RDWR);
  return {Accepted::Kind::kStopped};
}

// Until a connection waits or the stop is given.
void Listener::Wait() {
  pollfd fds[2] = {{socket_.get(), POLLIN, 0}, {stop_->event.get(), POLLIN, 0}};
  while (::poll(fds, 2, -1) < 0) {
    if (errno != EINTR) ThrowErrno("poll");
  }
}

void Listener::Reject(std::unique_ptr<Connection> connection) {
  counters_.rejected.fetch_add(1, std::memory_order_relaxed);
  const std::string response = OverloadedResponse(table_.context());
  ::send(connection->fd(), response.data(), response.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  ::shutdown(connection->fd(), SHUT_WR);
  // What has arrived is taken in, since a close over unread input would reset the connection and
  // could destroy the answer; what arrives later is not waited for.
  char discarded[4096];
  for (size_t taken = 0; taken < limits::kLingerBytesMax;) {
    const ssize_t n = ::recv(connection->fd(), discarded, sizeof discarded, MSG_DONTWAIT);
    if (n <= 0) break;
    taken += static_cast<size_t>(n);
  }
}

void Listener::BlockInAccept(bool block) {
  const int flags = ::fcntl(socket_.get(), F_GETFL);
  if (flags < 0 ||
      ::fcntl(socket_.get(), F_SETFL, block ? flags & ~O_NONBLOCK : flags | O_NONBLOCK) != 0) {
    ThrowErrno("fcntl of the listening socket");
  }
}

void Listener::Stop() {
  stop_->given.store(true, std::memory_order_relaxed);
  if (eventfd_write(stop_->event.get(), 1) != 0) ThrowErrno("eventfd_write");
}

}  // namespace crossover
