// LoadLoop where connections end within the run and others take their place. The picture:
//
//   idle -> awaiting -> (last request answered) -> closing, if the server is to close: until it
//   does
//                                               -> closed -> (next request due) -> connecting ->
//                                               awaiting
//
// Whoever closes first keeps the connection's port in TIME_WAIT, so that is a choice (--closer).
#include "base/check.h"
#include "base/clock.h"
#include "loadgen/load_loop.h"

namespace crossover {

// Whether the connection has had its last response, in the way that was agreed upon.
bool LoadLoop::EndsWith(const Connection& connection, bool keep_alive) const {
  const LoadOptions& options = setting_.options;
  const bool had_all = options.requests_per_connection > 0 &&
                       connection.sent_since_connect >= options.requests_per_connection;
  return options.closer == Closer::kServer ? had_all || !keep_alive : had_all && keep_alive;
}

void LoadLoop::EndConnection(uint32_t index, int64_t done_ns) {
  Connection& connection = connections_[index];
  if (stage_ != Stage::kConnect) SetNextDue(index, done_ns);
  connection.since_ns = done_ns;
  connection.state = ConnectionState::kClosing;
  ++between_;
  if (setting_.options.closer == Closer::kClient) OnClosed(index);
}

// Its server has closed it, or it is for us to do so.
void LoadLoop::OnClosed(uint32_t index) {
  Connection& connection = connections_[index];
  engine_->Close(index);
  --between_;
  connection.state = ConnectionState::kClosed;
  if (stage_ != Stage::kConnect) Dispatch(index, MonotonicNs());
}

void LoadLoop::Reconnect(uint32_t index, int64_t now_ns) {
  Connection& connection = connections_[index];
  connection.state = ConnectionState::kConnecting;
  connection.since_ns = now_ns;
  connection.is_reconnection = true;
  connection.asked = true;
  connection.sent_since_connect = 0;
  ++between_;
  const uint64_t number = first_ + tally_.ledger.reconnections.asked++;
  worked_ = true;
  engine_->Connect(index, setting_.address,
                   SourceAddress(setting_.address, number, setting_.sources));
}

// The request for which a connection was to be made anew was due, and can't be sent.
void LoadLoop::CountLeftOver(Connection& connection) {
  if (!connection.is_reconnection) return;
  connection.due_is_counted = true;
  ++tally_.ledger.requests.scheduled;
  ++tally_.ledger.requests.unsent;
  if (schedule_.open()) CountOffered(connection, &RequestLedger::due_and_unsent);
}

}  // namespace crossover
