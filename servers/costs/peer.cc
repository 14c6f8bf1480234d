#include "servers/costs/peer.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <deque>
#include <exception>
#include <system_error>
#include <thread>
#include <vector>

#include "base/error.h"
#include "base/fd.h"
#include "base/limits.h"
#include "base/shared_memory.h"
#include "servers/costs/cost.h"

namespace crossover {
namespace {

// Connected and not yet accepted: less than any backlog.
constexpr size_t kAheadMax = 100;
// Turns of a wait between two looks at the child.
constexpr unsigned kTurnsPerLook = 1U << 16;

sockaddr_in Loopback(uint32_t host, uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK + host);
  address.sin_port = htons(port);
  return address;
}

void Set(int socket, int level, int option, const void* value, socklen_t size) {
  if (setsockopt(socket, level, option, value, size) != 0) ThrowErrno("setsockopt");
}

// Of connection `i`: an address has ports for some of them only.
Fd Connect(uint16_t port, size_t i) {
  Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket) ThrowErrno("socket");
  const int one = 1;
  const linger reset{.l_onoff = 1, .l_linger = 0};  // leaves no port in TIME_WAIT
  Set(socket.get(), IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  Set(socket.get(), IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
  Set(socket.get(), SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  const sockaddr_in from = Loopback(static_cast<uint32_t>(i / limits::kConnectionsPerSourceMax), 0);
  const sockaddr_in to = Loopback(0, port);
  if (bind(socket.get(), reinterpret_cast<const sockaddr*>(&from), sizeof from) != 0 ||
      connect(socket.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) {
    ThrowErrno("connect");
  }
  return socket;
}

}  // namespace

// The child's side.
class Peer::Client {
 public:
  Client(const Options& options, Board& board)
      : options_(options), board_(board), epoll_(epoll_create1(EPOLL_CLOEXEC)) {
    if (!epoll_) ThrowErrno("epoll_create1");
  }

  void ConnectAll() {
    for (size_t i = 0; i < options_.connections; ++i) {
      while (i >= board_.accepted.load(std::memory_order_acquire) + kAheadMax) {
        std::this_thread::yield();
      }
      Fd socket = Connect(options_.port, i);
      epoll_event event{.events = EPOLLIN, .data = {.u64 = i}};
      if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, socket.get(), &event) != 0) {
        ThrowErrno("epoll_ctl");
      }
      clients_.push_back({std::move(socket), options_.response_bytes});
    }
    for (const uint32_t i : TurnOrder(clients_.size())) idle_.push_back(i);
  }

  [[noreturn]] void Run() {
    std::array<epoll_event, 512> events{};
    while (true) {
      while (sent_ < board_.allowed.load(std::memory_order_acquire) && !idle_.empty()) SendNext();
      const int ready = epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), 0);
      for (int i = 0; i < ready; ++i) ReceiveFrom(events[static_cast<size_t>(i)].data.u64);
    }
  }

 private:
  struct Connected {
    Fd socket;
    size_t missing_bytes;  // of the response under way
  };

  void SendNext() {
    const std::string& request = options_.request;
    const int fd = clients_[idle_.front()].socket.get();
    if (send(fd, request.data(), request.size(), MSG_NOSIGNAL) !=
        static_cast<ssize_t>(request.size())) {
      ThrowErrno("send");
    }
    idle_.pop_front();
    board_.sent.store(++sent_, std::memory_order_release);
  }

  void ReceiveFrom(size_t i) {
    Connected& client = clients_[i];
    std::array<char, 4096> bytes;
    const ssize_t n = recv(client.socket.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
    if (n <= 0 || static_cast<size_t>(n) > client.missing_bytes)
      ThrowErrno("recv", n < 0 ? errno : EPROTO);
    client.missing_bytes -= static_cast<size_t>(n);
    if (client.missing_bytes > 0) return;
    client.missing_bytes = options_.response_bytes;
    idle_.push_back(static_cast<uint32_t>(i));
  }

  const Options& options_;
  Board& board_;
  Fd epoll_;
  std::vector<Connected> clients_;
  std::deque<uint32_t> idle_;  // idle for the longest in front
  size_t sent_ = 0;
};

Peer::Peer(const Options& options) : board_(MakeSharedWithForks<Board>()) {
  const pid_t parent = getpid();
  pid_ = fork();
  if (pid_ < 0) ThrowErrno("fork");
  if (pid_ > 0) return;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(kExitFailure);
  try {
    RunOn(options.cpu);
    Client client(options, *board_);
    client.ConnectAll();
    client.Run();
  } catch (const std::system_error& error) {
    board_->error = error.code().value();
  } catch (const std::exception&) {
    board_->error = ENOMEM;
  }
  _exit(kExitFailure);
}

Peer::~Peer() {
  if (pid_ <= 0) return;
  kill(pid_, SIGKILL);
  while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

void Peer::AwaitSent(size_t requests) const {
  for (unsigned turn = 1; board_->sent.load(std::memory_order_acquire) < requests; ++turn) {
    if (turn % kTurnsPerLook == 0) CheckAlive();
  }
}

void Peer::CheckAlive() const {
  siginfo_t ended{};
  const bool gone =
      waitid(P_PID, static_cast<id_t>(pid_), &ended, WEXITED | WNOHANG | WNOWAIT) != 0 ||
      ended.si_pid != 0;
  if (!gone) return;
  const int error = board_->error;
  throw UsageError("the peer's process has ended: " +
                   std::string(error != 0 ? std::strerror(error) : "killed"));
}

}  // namespace crossover
