// The connect phase of EpollLoop, and its timeouts.
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <cerrno>

#include "base/clock.h"
#include "loadgen/epoll_loop.h"

namespace crossover {
namespace {

// If no connection was served for so long, those in flight wait for something else than their turn
// (a handler that takes its time, a pool that is full), and holding back the others is no use.
constexpr int64_t kStallNs = kNsPerSecond;

}  // namespace

void EpollLoop::StartConnects() {
  while (started_ < connections_.size() && started_ - settled_ < in_flight_max_) {
    StartConnect(static_cast<uint32_t>(started_++));
  }
  if (!reported_ && settled_ == connections_.size()) ReportConnected();
}

void EpollLoop::StartConnect(uint32_t index) {
  Connection& connection = connections_[index];
  connection.state = ConnectionState::kConnecting;
  connection.since_ns = MonotonicNs();
  ++alive_;
  connection.fd =
      socket(setting_.address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
  if (connection.fd < 0) return FailConnect(connection, errno);
  const int on = 1;
  setsockopt(connection.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (connect(connection.fd, setting_.address.get(), setting_.address.length) != 0 &&
      errno != EINPROGRESS) {
    return FailConnect(connection, errno);
  }
  // EPOLLOUT stays in the set: edge-triggered it fires only when the connection stands, and after a
  // send that was cut short, so that the set need never change.
  epoll_event event{};
  event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
  event.data.u32 = index;
  if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, connection.fd, &event) != 0) {
    FailConnect(connection, errno);
  }
}

void EpollLoop::OnConnectEvent(Connection& connection, uint32_t events) {
  if (events & (EPOLLERR | EPOLLHUP)) {
    int error = 0;
    socklen_t length = sizeof error;
    getsockopt(connection.fd, SOL_SOCKET, SO_ERROR, &error, &length);
    return FailConnect(connection, error);
  }
  if (!(events & EPOLLOUT)) return;
  const int64_t now_ns = MonotonicNs();
  tally_.connect.Record(now_ns - connection.since_ns);
  ++tally_.ledger.connections.established;
  connection.was_established = true;
  SendRequest(connection, now_ns);
  // A server that closes at once may have done so in the same event.
  if (connection.state != ConnectionState::kDead && (events & (EPOLLIN | EPOLLRDHUP))) {
    Receive(connection, events);
  }
}

void EpollLoop::FailConnect(Connection& connection, int error) {
  ConnectionLedger& ledger = tally_.ledger.connections;
  switch (error) {
    case ECONNREFUSED:
      ++ledger.refused;
      break;
    case ETIMEDOUT:
      ++ledger.timed_out;
      break;
    case ECONNRESET:
      ++ledger.reset;
      break;
    case EADDRNOTAVAIL:
      ++ledger.no_port;
      break;
    default:
      ++ledger.other;
  }
  Settle(connection, false);
  Kill(connection);
}

void EpollLoop::Settle(Connection& connection, bool served) {
  connection.settled = true;
  ++settled_;
  if (served) ++served_;
  last_settled_ns_ = MonotonicNs();
}

void EpollLoop::ReportConnected() {
  reported_ = true;
  state_.established.fetch_add(tally_.ledger.connections.established);
  state_.served.fetch_add(served_);
  state_.loops_connected.fetch_add(1);
  state_.NotifyCoordinator();
}

void EpollLoop::CheckTimeouts(int64_t now_ns) {
  next_check_ns_ = now_ns + check_period_ns_;
  const LoadOptions& options = setting_.options;
  for (size_t i = 0; i < started_; ++i) {
    Connection& connection = connections_[i];
    const int64_t waited_ns = now_ns - connection.since_ns;
    if (connection.state == ConnectionState::kConnecting) {
      if (waited_ns >= options.connect_timeout_ns) FailConnect(connection, ETIMEDOUT);
    } else if (connection.state == ConnectionState::kAwaiting) {
      if (waited_ns >= options.request_timeout_ns) {
        Lose(connection, tally_.ledger.requests.timed_out);
      } else if (!connection.settled && waited_ns >= options.connect_timeout_ns) {
        // Established, but not served: the run goes on without waiting for it any longer.
        Settle(connection, false);
      }
    }
  }
  if (started_ < connections_.size() && now_ns - last_settled_ns_ >= kStallNs) {
    in_flight_max_ = connections_.size();
  }
}

}  // namespace crossover
