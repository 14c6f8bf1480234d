// The connect phase of LoadLoop, and its timeouts.
#include <cerrno>

#include "base/clock.h"
#include "base/limits.h"
#include "loadgen/load_loop.h"

namespace crossover {
namespace {

// If no connection was served for so long, those in flight wait for something else than their turn
// (a handler that takes its time, a pool that is full), and holding back the others is no use.
constexpr int64_t kStallNs = kNsPerSecond;

}  // namespace

void LoadLoop::StartConnects() {
  while (started_ < connections_.size() && started_ - settled_ < in_flight_max_) {
    const auto index = static_cast<uint32_t>(started_++);
    connections_[index].state = ConnectionState::kConnecting;
    connections_[index].since_ns = MonotonicNs();
    ++alive_;
    engine_->Connect(index, setting_.address,
                     SourceAddress(setting_.address, first_ + index, setting_.options.connections,
                                   limits::kConnectionsPerSourceMax));
  }
  if (!reported_ && settled_ == connections_.size()) ReportConnected();
}

void LoadLoop::OnConnected(uint32_t index, int error) {
  if (error != 0) return FailConnect(index, error);
  Connection& connection = connections_[index];
  const int64_t now_ns = MonotonicNs();
  tally_.connect.Record(now_ns - connection.since_ns);
  ++tally_.ledger.connections.established;
  connection.was_established = true;
  SendRequest(index, now_ns);
}

void LoadLoop::FailConnect(uint32_t index, int error) {
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
  Settle(connections_[index], false);
  Kill(index);
}

void LoadLoop::Settle(Connection& connection, bool served) {
  connection.settled = true;
  ++settled_;
  if (served) ++served_;
  last_settled_ns_ = MonotonicNs();
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
    }
  }
  if (started_ < connections_.size() && now_ns - last_settled_ns_ >= kStallNs) {
    in_flight_max_ = connections_.size();
  }
}

}  // namespace crossover
