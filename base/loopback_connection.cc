#include "base/loopback_connection.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <span>

#include "base/error.h"

namespace crossover {
namespace {

constexpr size_t kRequestBytes = 80;
constexpr size_t kResponseBytes = 120;

Fd NewSocket() {
  Fd made(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!made) ThrowErrno("a socket for loopback");
  return made;
}

void Pass(const Fd& from, const Fd& to, std::span<char> bytes) {
  const auto size = static_cast<ssize_t>(bytes.size());
  errno = EPROTO;  // for a part of it
  if (send(from.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) != size ||
      recv(to.get(), bytes.data(), bytes.size(), MSG_WAITALL) != size) {
    ThrowErrno("a message over loopback");
  }
}

}  // namespace

LoopbackConnection::LoopbackConnection() : client_(NewSocket()) {
  const Fd listener = NewSocket();
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* const any = reinterpret_cast<sockaddr*>(&address);
  if (bind(listener.get(), any, size) != 0 || listen(listener.get(), 1) != 0 ||
      getsockname(listener.get(), any, &size) != 0 || connect(client_.get(), any, size) != 0) {
    ThrowErrno("a connection over loopback");
  }
  server_.Reset(accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
  if (!server_) ThrowErrno("a connection over loopback");
  const int on = 1;
  for (const Fd* end : {&client_, &server_}) {
    setsockopt(end->get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
}

void LoopbackConnection::Ask() const {
  std::array<char, kRequestBytes> request{};
  Pass(client_, server_, request);
}

void LoopbackConnection::Exchange() const {
  Ask();
  std::array<char, kResponseBytes> response{};
  Pass(server_, client_, response);
}

}  // namespace crossover
