#include "loadgen/load_loop.h"

#include <sys/prctl.h>
#include <sys/resource.h>

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/clock.h"
#include "loadgen/run_queue_wait.h"

namespace crossover {
namespace {

std::optional<std::string> ExpectedBody(const Request& request) {
  if (!request.bytes.starts_with("POST /echo ")) return std::nullopt;
  return request.body;
}

}  // namespace

LoadLoop::LoadLoop(const LoopSetting& setting, size_t first, size_t connections, size_t active)
    : setting_(setting),
      state_(setting.state),
      schedule_(setting.schedule),
      first_(first),
      engine_(MakeEngine(setting.engine, *this, connections)),
      connections_(connections),
      active_max_(active),
      progress_(setting.followed ? std::make_unique<LoopProgress>() : nullptr),
      records_each_(setting.options.trace || setting.followed),
      next_edge_ns_(&setting.state.window_start_ns),
      in_flight_max_(setting.options.connects_in_flight_max),
      check_period_ns_(std::clamp<int64_t>(
          std::min(setting.options.connect_timeout_ns, setting.options.request_timeout_ns) / 8,
          kNsPerMs, kNsPerSecond)) {
  const LoadOptions& options = setting.options;
  checks_.reserve(setting.mix.kinds());
  for (size_t kind = 0; kind < setting.mix.kinds(); ++kind) {
    const Request& request = setting.mix.at(kind);
    checks_.emplace_back(setting.learned[kind], request.method == Method::kHead,
                         ExpectedBody(request), pipelines());
  }
  tally_.window_by_target.resize(setting.mix.targets());
  tally_.ledger.connections.asked = connections;
  if (schedule_.paced()) timers_.Reserve(connections);
  if (options.trace) first_byte_ns_.resize(connections);
  if (bounds_activity()) idle_.resize(connections);
  if (options.connect_rate > 0) {
    const double share =
        static_cast<double>(connections) / static_cast<double>(options.connections);
    connect_gap_ns_ = static_cast<int64_t>(1e9 / (options.connect_rate * share));
  }
  if (!pipelines()) return;
  pipelines_.resize(connections);
  pipeline_sent_ns_.resize(connections * options.pipeline);
  for (size_t i = 0; i < options.pipeline; ++i) pipeline_bytes_ += setting.mix.at(0).bytes;
}

void LoadLoop::Run() {
  engine_->Start();
  if (schedule_.paced()) prctl(PR_SET_TIMERSLACK, 1);  // or the kernel may be 50 us late
  next_connect_ns_ = stalled_since_ns_ = MonotonicNs();
  next_check_ns_ = stalled_since_ns_ + check_period_ns_;
  while (true) {
    if (stage_ == Stage::kConnect) StartConnects();
    const bool submits = std::exchange(worked_, false);
    const int64_t wait_ns = WaitNs();
    const int64_t before_ns = setting_.options.busy_poll ? MonotonicNs() : 0;
    engine_->Wait(wait_ns);
    if (setting_.options.busy_poll && !submits && !worked_ && polls()) {
      polling_ns_ += MonotonicNs() - before_ns;
    }
    if (!timers_.empty()) SendDue();
    LookAtState();
    const int64_t now_ns = MonotonicCoarseNs();
    if (now_ns >= next_check_ns_) CheckTimeouts(MonotonicNs());
    if (HasEnded()) break;
  }
  End();
}

int64_t LoadLoop::WaitNs() const {
  if (stage_ == Stage::kConnect) return ConnectWaitNs();
  if (polls()) return 0;
  if (!schedule_.paced()) return check_period_ns_;
  const int64_t spin_ns = setting_.options.spin_ns;
  const int64_t now_ns = MonotonicNs();
  if (awaiting_ > 0 && now_ns - last_sent_ns_ < spin_ns) return 0;
  if (timers_.empty()) return check_period_ns_;
  return std::clamp<int64_t>(timers_.First().due_ns - spin_ns - now_ns, 0, check_period_ns_);
}

uint16_t LoadLoop::NextKind(uint32_t index) const {
  const Connection& connection = connections_[index];
  const LoadOptions& options = setting_.options;
  const uint16_t target = setting_.mix.Pick(first_ + index, connection.number);
  const bool asks_to_close = options.closer == Closer::kServer && connection.begun &&
                             connection.sent_since_connect + 1 == options.requests_per_connection;
  return static_cast<uint16_t>(target + (asks_to_close ? setting_.mix.targets() : 0));
}

void LoadLoop::SendRequest(uint32_t index, int64_t now_ns) {
  worked_ = true;
  if (pipelines()) {
    PushPipeline(index, 1, now_ns);
  } else {
    ++tally_.ledger.requests.scheduled;
    ++awaiting_;
  }
  Connection& connection = connections_[index];
  connection.kind = NextKind(index);
  if (connection.begun) {
    ++connection.sent_since_connect;
    connection.due_is_counted = true;
  } else {
    connection.due_ns = now_ns;
  }
  if (schedule_.open()) CountOffered(connection);
  connection.state = ConnectionState::kAwaiting;
  connection.since_ns = now_ns;
  connection.asked = true;
  last_sent_ns_ = now_ns;
  const std::string_view bytes = setting_.mix.at(connection.kind).bytes;
  tally_.sent_bytes += bytes.size();
  engine_->Send(index, bytes);
}

void LoadLoop::OnBytes(uint32_t index, std::string_view bytes, bool last) {
  worked_ = true;
  tally_.received_bytes += bytes.size();
  if (pipelines()) return OnPipelinedBytes(index, bytes, last);
  Connection& connection = connections_[index];
  if (connection.state != ConnectionState::kAwaiting) {  // nobody asked for these bytes
    return Lose(index, tally_.ledger.requests.malformed);
  }
  if (setting_.options.trace && !connection.progress.begun()) first_byte_ns_[index] = MonotonicNs();
  const Verdict verdict = checks_[connection.kind].Feed(connection.progress, bytes);
  if (verdict != Verdict::kIncomplete) Finish(index, verdict, last);
}

void LoadLoop::OnEnd(uint32_t index, int error) {
  worked_ = true;
  if (connections_[index].state == ConnectionState::kClosing && error == 0) return OnClosed(index);
  RequestLedger& requests = tally_.ledger.requests;
  Lose(index, error == 0 ? requests.truncated : requests.reset);
}

void LoadLoop::Finish(uint32_t index, Verdict verdict, bool last) {
  Connection& connection = connections_[index];
  const int64_t done_ns = MonotonicNs();
  if (done_ns >= next_edge_ns_->load(std::memory_order_relaxed)) [[unlikely]]
    CrossEdges(done_ns);
  if (stage_ == Stage::kWindow) AddUnderWay(connection.since_ns, done_ns);
  Count(index, verdict, done_ns);
  --awaiting_;
  if (bounds_activity() && connection.begun) --active_;
  connection.state = ConnectionState::kIdle;
  if (pipelines()) PopPipeline(index);
  if (!connection.settled) [[unlikely]]
    Settle(connection, verdict == Verdict::kVerified);
  if (verdict == Verdict::kMalformed) return EndInFlight(index, tally_.ledger.requests.malformed);
  const bool sent = connection.state == ConnectionState::kAwaiting || !engine_->IsSending(index);
  const bool keep_alive = checks_[connection.kind].keep_alive();
  if (sent && EndsWith(connection, keep_alive)) return EndConnection(index, done_ns);
  if (!sent || !keep_alive) {
    if (InFlight(index) == 0) ++LedgerOf(connection).lost;
    return EndInFlight(index, tally_.ledger.requests.truncated);
  }
  if (stage_ == Stage::kConnect || pipelines()) return;
  if (!last) SetNextDue(index, done_ns);
  if (bounds_activity()) {
    if (!last) Rest(index);
    Activate(done_ns);
  } else if (!last) {
    Dispatch(index, done_ns);
  }
}

void LoadLoop::Count(uint32_t index, Verdict verdict, int64_t done_ns) {
  RequestLedger& requests = tally_.ledger.requests;
  if (verdict == Verdict::kVerified) [[likely]] {
    ++requests.verified;
    slices_.verified.store(requests.verified, std::memory_order_relaxed);
    if (stage_ == Stage::kConnect) return;
    CountInWindow(connections_[index], done_ns);
    if (records_each_) RecordEach(index, done_ns);
  } else if (verdict == Verdict::kWrongStatus) {
    ++requests.wrong_status;
  } else if (verdict == Verdict::kWrongBody) {
    ++requests.wrong_body;
  } else {
    ++requests.malformed;
  }
}

// The peer ended the connection. If a request was outstanding, `outcome` is what became of it.
void LoadLoop::Lose(uint32_t index, uint64_t& outcome) {
  Connection& connection = connections_[index];
  if (InFlight(index) == 0) ++LedgerOf(connection).lost;
  if (!connection.settled) Settle(connection, false);
  EndInFlight(index, outcome);
}

// The connection ends, and what is in flight on it with that outcome.
void LoadLoop::EndInFlight(uint32_t index, uint64_t& outcome) {
  if (stage_ == Stage::kWindow) AddAllUnderWay(index, MonotonicNs());
  const size_t in_flight = InFlight(index);
  outcome += in_flight;
  awaiting_ -= in_flight;
  if (pipelines()) pipelines_[index].count = 0;
  if (bounds_activity() && connections_[index].begun) active_ -= in_flight;
  Kill(index);
  if (bounds_activity() && stage_ != Stage::kConnect) Activate(MonotonicNs());
}

void LoadLoop::Kill(uint32_t index) {
  Connection& connection = connections_[index];
  if (connection.state == ConnectionState::kClosing) --between_;
  engine_->Close(index);
  connection.state = ConnectionState::kDead;
  connection.progress = {};
  --alive_;
}

// Closed: what was done within the window counts. Open: for the rate, likewise; for the times, what
// was due within it, or those that take the longest would be left out.
void LoadLoop::CountInWindow(Connection& connection, int64_t done_ns) {
  const bool done_within = stage_ == Stage::kWindow;
  if (done_within) {
    if (state_.requests_wanted) {
      const uint64_t before = state_.verified_in_window.fetch_add(1, std::memory_order_relaxed);
      if (before >= *state_.requests_wanted) return;
      if (before + 1 == *state_.requests_wanted) {
        int64_t never = RunState::kNever;
        state_.window_end_ns.compare_exchange_strong(never, done_ns);
        state_.NotifyCoordinator();
      }
    }
    ++tally_.ledger.requests.verified_in_window;
    ++tally_.window_by_target[connection.kind % setting_.mix.targets()];
    ++connection.window_requests;
    tally_.intervals.Record(done_ns);
  }
  if (!(schedule_.open() ? IsWithinWindow(connection.due_ns) : done_within)) return;
  tally_.latency.Record(done_ns - connection.due_ns);
  if (!setting_.options.times_apart()) return;  // all three are one
  tally_.service.Record(done_ns - connection.since_ns);
  tally_.lag.Record(connection.since_ns - connection.due_ns);
}

void LoadLoop::Trace(uint32_t index, int64_t done_ns) {
  const Connection& connection = connections_[index];
  tally_.trace.push_back({.connection = first_ + index,
                          .due_ns = connection.due_ns,
                          .sent_ns = connection.since_ns,
                          .first_byte_ns = first_byte_ns_[index],
                          .done_ns = done_ns});
}

void LoadLoop::CrossEdges(int64_t now_ns) {
  const int64_t start_ns = state_.window_start_ns.load();
  if (stage_ == Stage::kWarmUp && now_ns >= start_ns) {
    cpu_at_start_ = ReadCpuUsage();
    tally_.intervals.Start(start_ns, state_.interval_width_ns);
    stage_ = Stage::kWindow;
    next_edge_ns_ = &state_.window_end_ns;
    for (uint32_t index = 0; index < connections_.size(); ++index) {
      connections_[index].asked = !AwaitsItsTurn(index);
    }
  }
  if (stage_ == Stage::kWindow && now_ns >= state_.window_end_ns.load()) {
    CountCpu();
    const int64_t end_ns = state_.window_end_ns.load();
    for (uint32_t index = 0; index < connections_.size(); ++index) {
      // What is outstanding was under way in the window as well.
      AddAllUnderWay(index, end_ns);
      // What came to be due in the second half may just be on its way: that starves nobody.
      Connection& connection = connections_[index];
      const bool waits = connection.state == ConnectionState::kAwaiting ||
                         connection.state == ConnectionState::kConnecting;
      if (waits && connection.due_ns - start_ns > (end_ns - start_ns) / 2) connection.asked = false;
    }
    stage_ = Stage::kDrain;
  }
}

// A request was under way; what of it lies within the window counts.
void LoadLoop::AddUnderWay(int64_t since_ns, int64_t until_ns) {
  const int64_t start_ns = state_.window_start_ns.load(std::memory_order_relaxed);
  const int64_t within_ns = until_ns - std::max(since_ns, start_ns);
  if (within_ns > 0) tally_.under_way_ns += static_cast<double>(within_ns);
}

void LoadLoop::AddAllUnderWay(uint32_t index, int64_t until_ns) {
  const size_t depth = setting_.options.pipeline;
  for (size_t i = 0; i < InFlight(index); ++i) {
    AddUnderWay(pipelines()
                    ? pipeline_sent_ns_[index * depth + (pipelines_[index].oldest + i) % depth]
                    : connections_[index].since_ns,
                until_ns);
  }
}

LoadLoop::CpuUsage LoadLoop::ReadCpuUsage() const {
  rusage usage{};
  CHECK(getrusage(RUSAGE_THREAD, &usage) == 0);
  return {.total_ns = ThreadCpuNs(),
          .user_us = usage.ru_utime.tv_sec * 1'000'000 + usage.ru_utime.tv_usec,
          .system_us = usage.ru_stime.tv_sec * 1'000'000 + usage.ru_stime.tv_usec,
          .polling_ns = polling_ns_,
          .waited_ns = RunQueueWaitNs()};
}

void LoadLoop::CountCpu() {
  const CpuUsage now = ReadCpuUsage();
  tally_.cpu.cpu_seconds = static_cast<double>(now.total_ns - cpu_at_start_.total_ns) / 1e9;
  tally_.cpu.user_seconds = static_cast<double>(now.user_us - cpu_at_start_.user_us) / 1e6;
  tally_.cpu.system_seconds = static_cast<double>(now.system_us - cpu_at_start_.system_us) / 1e6;
  // By the wall clock, and so a little too much where something else had the CPU meanwhile.
  const double polling = static_cast<double>(now.polling_ns - cpu_at_start_.polling_ns) / 1e9;
  tally_.cpu.polling_seconds = std::min(polling, tally_.cpu.cpu_seconds);
  if (now.waited_ns && cpu_at_start_.waited_ns) {
    tally_.cpu.waiting_seconds =
        static_cast<double>(*now.waited_ns - *cpu_at_start_.waited_ns) / 1e9;
  }
}

void LoadLoop::LookAtState() {
  if (stage_ == Stage::kConnect && state_.phase.load(std::memory_order_acquire) == Phase::kRun) {
    BeginRun();
  }
  const uint32_t asked = state_.progress_asked.load(std::memory_order_relaxed);
  if (asked != progress_told_) [[unlikely]]
    PublishProgress(asked);
  LookAtSlices();
}

bool LoadLoop::HasEnded() const {
  if (state_.phase.load(std::memory_order_relaxed) == Phase::kStop) return true;
  if (stage_ == Stage::kConnect) return false;
  if (alive_ == 0) return true;
  return stage_ == Stage::kDrain && awaiting_ == 0 && between_ == 0 &&
         (timers_.empty() || !SendsAt(timers_.First().due_ns));
}

void LoadLoop::End() {
  const int64_t now_ns = MonotonicNs();
  CrossEdges(now_ns);
  // With no connection left, the window may still be open: it ends here for this thread's CPU.
  if (stage_ == Stage::kWindow) CountCpu();
  for (uint32_t index = 0; index < connections_.size(); ++index) {
    Connection& connection = connections_[index];
    if (connection.state == ConnectionState::kConnecting ||
        connection.state == ConnectionState::kUnused) {
      ++LedgerOf(connection).other;
      if (!schedule_.open()) CountLeftOver(connection);
    } else if (connection.state == ConnectionState::kClosing) {
      ++LedgerOf(connection).lost;  // its server has not kept to closing it
    }
    tally_.ledger.requests.in_flight_at_end += InFlight(index);
    if (schedule_.open() && stage_ != Stage::kConnect && connection.was_established) {
      CountUnsent(index, now_ns);
    }
    engine_->Close(index);
    if (connection.was_established) {
      tally_.fairness.Add(connection.window_requests, connection.asked);
    }
  }
  for (const ResponseCheck& check : checks_) {
    tally_.verified_fast += check.fast_count();
    tally_.verified_full += check.full_count();
  }
  awaiting_ = 0;  // what was outstanding has become an outcome
  PublishProgress(LoopProgress::kForGood);
  ReportDrained(SliceProgress::kAll);
  state_.loops_ended.fetch_add(1);
  state_.NotifyCoordinator();
}

}  // namespace crossover
