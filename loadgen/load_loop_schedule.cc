// When LoadLoop sends: at the begin of the run, and what is due next.
#include <algorithm>

#include "base/clock.h"
#include "loadgen/load_loop.h"

namespace crossover {

void LoadLoop::BeginRun() {
  stage_ = Stage::kWarmUp;
  CrossEdges(MonotonicNs());
  for (uint32_t index = 0; index < connections_.size(); ++index) {
    const ConnectionState state = connections_[index].state;
    if (state != ConnectionState::kClosing && !AwaitsItsTurn(index)) continue;
    SetFirstDue(index);
    if (bounds_activity()) {
      Rest(index);
    } else if (state != ConnectionState::kClosing) {
      Dispatch(index, MonotonicNs());
    }
  }
  if (bounds_activity()) Activate(MonotonicNs());
}

// Whether the connection can send what is due next.
bool LoadLoop::AwaitsItsTurn(uint32_t index) const {
  const ConnectionState state = connections_[index].state;
  return state == ConnectionState::kIdle || state == ConnectionState::kClosed;
}

// Whether a request that is due then is one of this run.
bool LoadLoop::SendsAt(int64_t due_ns) const {
  return due_ns < state_.window_end_ns.load(std::memory_order_relaxed) &&
         due_ns < state_.slice_end_ns.load(std::memory_order_relaxed);
}

void LoadLoop::SetFirstDue(uint32_t index) {
  Connection& connection = connections_[index];
  const uint64_t i = first_ + index;
  connection.begun = true;
  connection.due_is_counted = false;
  if (schedule_.open()) {
    connection.position = schedule_.Position(i, 0, 0);
    connection.due_ns = state_.begin_ns + schedule_.DueNs(connection.position);
  } else {
    connection.due_ns = MonotonicNs() + schedule_.ThinkNs(i, 0);
  }
}

void LoadLoop::SetNextDue(uint32_t index, int64_t done_ns) {
  Connection& connection = connections_[index];
  if (!connection.begun) return SetFirstDue(index);  // served late: it was left out at the begin
  connection.due_is_counted = false;
  const uint64_t k = ++connection.number;
  if (!schedule_.paced()) {
    connection.due_ns = done_ns;
    return;
  }
  const uint64_t i = first_ + index;
  if (schedule_.open()) {
    connection.position = schedule_.Position(i, k, connection.position);
    connection.due_ns = state_.begin_ns + schedule_.DueNs(connection.position);
  } else {
    connection.due_ns = done_ns + schedule_.ThinkNs(i, k);
  }
}

// Sends what is due on an idle connection, or sees to it that it will be sent.
void LoadLoop::Dispatch(uint32_t index, int64_t now_ns) {
  if (pipelines()) return FillPipeline(index, now_ns);
  Connection& connection = connections_[index];
  const int64_t shed_after_ns = setting_.options.shed_after_ns;
  while (SendsAt(connection.due_ns)) {
    if (connection.due_ns > now_ns) return timers_.Push(connection.due_ns, index);
    if (now_ns - connection.due_ns <= shed_after_ns) {
      if (connection.state == ConnectionState::kClosed) return Reconnect(index, now_ns);
      return SendRequest(index, now_ns);
    }
    ++tally_.ledger.requests.scheduled;
    ++tally_.ledger.requests.shed;
    CountOffered(connection, &RequestLedger::due_and_shed);
    SetNextDue(index, now_ns);
  }
}

void LoadLoop::SendDue() {
  int64_t now_ns = MonotonicNs();
  while (!timers_.empty() && timers_.First().due_ns <= now_ns) {
    const uint32_t index = timers_.First().index;
    timers_.Pop();
    now_ns = MonotonicNs();
    if (AwaitsItsTurn(index)) Dispatch(index, now_ns);
  }
}

// What was due by the end, and wasn't sent: the connection had not answered before, or was lost.
void LoadLoop::CountUnsent(uint32_t index, int64_t now_ns) {
  Connection& connection = connections_[index];
  if (!connection.begun) {
    SetFirstDue(index);
  } else if (connection.due_is_counted) {
    SetNextDue(index, now_ns);
  }
  for (; SendsAt(connection.due_ns) && connection.due_ns <= now_ns; SetNextDue(index, now_ns)) {
    ++tally_.ledger.requests.scheduled;
    ++tally_.ledger.requests.unsent;
    CountOffered(connection, &RequestLedger::due_and_unsent);
  }
}

bool LoadLoop::IsWithinWindow(int64_t due_ns) const {
  return due_ns >= state_.window_start_ns.load(std::memory_order_relaxed) &&
         due_ns < state_.window_end_ns.load(std::memory_order_relaxed);
}

// A request of an open schedule is sent, or has its outcome without that: `given_up` counts it
// then.
void LoadLoop::CountOffered(Connection& connection, uint64_t RequestLedger::*given_up) {
  if (!IsWithinWindow(connection.due_ns)) return;
  // What comes to be due in the second half may just be on its way: that starves nobody.
  const int64_t start_ns = state_.window_start_ns.load(std::memory_order_relaxed);
  const int64_t end_ns = state_.window_end_ns.load(std::memory_order_relaxed);
  if (connection.due_ns - start_ns <= (end_ns - start_ns) / 2) connection.asked = true;
  RequestLedger& requests = tally_.ledger.requests;
  ++requests.due_in_window;
  if (given_up != nullptr) ++(requests.*given_up);
}

}  // namespace crossover
