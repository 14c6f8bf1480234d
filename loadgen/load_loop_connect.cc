// LoadLoop: the connect phase, and its timeouts.
#include <algorithm>
#include <cerrno>

#include "base/clock.h"
#include "loadgen/load_loop.h"

namespace crossover {
namespace {

// If no connection was served for so long, those in flight may wait for something else than their
// turn (a handler that takes its time, a pool that is full), and holding back the others is no use.
// Or the server has only paused, and all at once would overrun its backlog: so some more each time,
// until it goes on.
constexpr int64_t kStallNs = kNsPerSecond;
constexpr size_t kStallWidening = 4;
constexpr int64_t kConnectBurstNs = 10 * kNsPerMs;  // of connects whose rate is bounded

}  // namespace

void LoadLoop::StartConnects() {
  while (started_ < connections_.size() && started_ - settled_ < in_flight_max_) {
    const int64_t now_ns = MonotonicNs();
    if (connect_gap_ns_ > 0) {
      if (next_connect_ns_ > now_ns) break;
      // Waking up late is made up for; being held back for longer is not.
      next_connect_ns_ = std::max(next_connect_ns_, now_ns - kConnectBurstNs) + connect_gap_ns_;
    }
    const auto index = static_cast<uint32_t>(started_++);
    connections_[index].state = ConnectionState::kConnecting;
    connections_[index].since_ns = now_ns;
    ++alive_;
    engine_->Connect(index, setting_.address,
                     SourceAddress(setting_.address, first_ + index, setting_.sources));
  }
  if (!reported_ && settled_ == connections_.size()) ReportConnected();
}

int64_t LoadLoop::ConnectWaitNs() const {
  const bool waits_for_time =
      connect_gap_ns_ > 0 && started_ < connections_.size() && started_ - settled_ < in_flight_max_;
  if (!waits_for_time) return check_period_ns_;
  return std::clamp<int64_t>(next_connect_ns_ - MonotonicNs(), 0, check_period_ns_);
}

ConnectionLedger& LoadLoop::LedgerOf(const Connection& connection) {
  return connection.is_reconnection ? tally_.ledger.reconnections : tally_.ledger.connections;
}

void LoadLoop::OnConnected(uint32_t index, int error) {
  worked_ = true;
  if (error != 0) return FailConnect(index, error);
  Connection& connection = connections_[index];
  const int64_t now_ns = MonotonicNs();
  ++LedgerOf(connection).established;
  if (connection.is_reconnection) --between_;
  (connection.is_reconnection ? tally_.reconnect : tally_.connect)
      .Record(now_ns - connection.since_ns);
  connection.was_established = true;
  if (!connection.is_reconnection) return SendRequest(index, now_ns);
  connection.state = ConnectionState::kIdle;
  Dispatch(index, now_ns);  // unless its request has become too late meanwhile
}

void LoadLoop::FailConnect(uint32_t index, int error) {
  Connection& connection = connections_[index];
  ConnectionLedger& ledger = LedgerOf(connection);
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
  if (connection.is_reconnection) {
    --between_;
    CountLeftOver(connection);
  }
  if (!connection.settled) Settle(connection, false);
  Kill(index);
}

void LoadLoop::Settle(Connection& connection, bool served) {
  connection.settled = true;
  ++settled_;
  if (served) {
    ++served_;
    in_flight_max_ = setting_.options.connects_in_flight_max;
  }
  stalled_since_ns_ = MonotonicNs();
}

void LoadLoop::ReportConnected() {
  reported_ = true;
  state_.established.fetch_add(tally_.ledger.connections.established);
  state_.served.fetch_add(served_);
  state_.loops_connected.fetch_add(1);
  state_.NotifyCoordinator();
}

void LoadLoop::CheckTimeouts(int64_t now_ns) {
  next_check_ns_ = now_ns + check_period_ns_;
  const LoadOptions& options = setting_.options;
  for (uint32_t i = 0; i < started_; ++i) {
    Connection& connection = connections_[i];
    const int64_t waited_ns = now_ns - connection.since_ns;
    if (connection.state == ConnectionState::kConnecting) {
      if (waited_ns >= options.connect_timeout_ns) FailConnect(i, ETIMEDOUT);
    } else if (connection.state == ConnectionState::kAwaiting) {
      if (waited_ns >= options.request_timeout_ns) {
        Lose(i, tally_.ledger.requests.timed_out);
      } else if (!connection.settled && waited_ns >= options.connect_timeout_ns) {
        // Established, but not served: the run goes on without waiting for it any longer.
        Settle(connection, false);
      }
    } else if (connection.state == ConnectionState::kClosing) {
      if (waited_ns >= options.request_timeout_ns) Lose(i, tally_.ledger.requests.timed_out);
    }
  }
  if (started_ < connections_.size() && now_ns - stalled_since_ns_ >= kStallNs) {
    in_flight_max_ = std::min(kStallWidening * in_flight_max_, connections_.size());
    stalled_since_ns_ = now_ns;
  }
}

}  // namespace crossover
