#include "loadgen/epoll_loop.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/check.h"
#include "base/clock.h"
#include "base/error.h"

namespace crossover {
namespace {

constexpr size_t kReceiveBufferBytes = 64 * 1024;
constexpr int kEventsMax = 512;
constexpr uint32_t kWakeIndex = UINT32_MAX;
constexpr uint32_t kHangup = EPOLLRDHUP | EPOLLHUP | EPOLLERR;

std::optional<std::string> ExpectedBody(const LoopSetting& setting) {
  const std::string& head = setting.request.bytes;
  if (!head.starts_with("POST /echo ")) return std::nullopt;
  return setting.request.body;
}

}  // namespace

EpollLoop::EpollLoop(const LoopSetting& setting, size_t connections)
    : setting_(setting),
      state_(setting.state),
      request_(setting.request.bytes),
      check_(setting.learned, setting.request.method == Method::kHead, ExpectedBody(setting)),
      epoll_(epoll_create1(EPOLL_CLOEXEC)),
      wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      connections_(connections),
      buffer_(kReceiveBufferBytes),
      next_edge_ns_(&setting.state.window_start_ns),
      in_flight_max_(setting.options.connects_in_flight_max),
      check_period_ns_(std::clamp<int64_t>(
          std::min(setting.options.connect_timeout_ns, setting.options.request_timeout_ns) / 8,
          kNsPerMs, kNsPerSecond)) {
  if (!epoll_) ThrowErrno("epoll_create1");
  if (!wake_) ThrowErrno("eventfd");
  epoll_event event{};
  event.events = EPOLLIN | EPOLLET;  // each write is an edge, so that nobody need read it
  event.data.u32 = kWakeIndex;
  if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, wake_.get(), &event) != 0) ThrowErrno("epoll_ctl");
  tally_.ledger.connections.asked = connections;
}

void EpollLoop::Wake() {
  const uint64_t one = 1;
  // It fails only if the counter is full, and then the loop is awake.
  [[maybe_unused]] const ssize_t n = write(wake_.get(), &one, sizeof one);
}

void EpollLoop::Run() {
  std::array<epoll_event, kEventsMax> events;
  const int timeout_ms = static_cast<int>(check_period_ns_ / kNsPerMs);
  last_settled_ns_ = MonotonicNs();
  next_check_ns_ = last_settled_ns_ + check_period_ns_;
  while (true) {
    if (stage_ == Stage::kConnect) StartConnects();
    const int count = epoll_wait(epoll_.get(), events.data(), kEventsMax, timeout_ms);
    CHECK(count >= 0 || errno == EINTR);
    for (int i = 0; i < count; ++i) {
      const epoll_event& event = events[static_cast<size_t>(i)];
      HandleEvent(event.data.u32, event.events);
    }
    LookAtState();
    const int64_t now_ns = MonotonicCoarseNs();
    if (now_ns >= next_check_ns_) CheckTimeouts(MonotonicNs());
    if (HasEnded()) break;
  }
  End();
}

void EpollLoop::HandleEvent(uint32_t index, uint32_t events) {
  if (index == kWakeIndex) {
    CrossEdges(MonotonicNs());
    return;
  }
  Connection& connection = connections_[index];
  if (connection.state == ConnectionState::kConnecting) {
    OnConnectEvent(connection, events);
    return;
  }
  if (connection.unsent_bytes > 0 && (events & EPOLLOUT)) SendRest(connection);
  if (connection.state != ConnectionState::kDead && (events & (EPOLLIN | kHangup))) {
    Receive(connection, events);
  }
}

void EpollLoop::SendRequest(Connection& connection, int64_t now_ns) {
  ++tally_.ledger.requests.scheduled;
  ++awaiting_;
  connection.state = ConnectionState::kAwaiting;
  connection.since_ns = now_ns;
  connection.unsent_bytes = static_cast<uint32_t>(request_.size());
  SendRest(connection);
}

void EpollLoop::SendRest(Connection& connection) {
  const std::string_view rest = request_.substr(request_.size() - connection.unsent_bytes);
  while (true) {
    const ssize_t n = send(connection.fd, rest.data(), rest.size(), MSG_NOSIGNAL);
    if (n >= 0) {
      tally_.sent_bytes += static_cast<uint64_t>(n);
      connection.unsent_bytes -= static_cast<uint32_t>(n);
      return;  // a short send has filled the socket; EPOLLOUT will follow
    }
    if (errno == EINTR) continue;
    if (errno == EAGAIN) return;
    Lose(connection, tally_.ledger.requests.reset);
    return;
  }
}

void EpollLoop::Receive(Connection& connection, uint32_t events) {
  if (events & kHangup) connection.peer_closed = true;
  while (true) {
    const ssize_t n = recv(connection.fd, buffer_.data(), buffer_.size(), 0);
    if (n > 0) {
      const auto size = static_cast<size_t>(n);
      tally_.received_bytes += size;
      if (!TakeBytes(connection, {buffer_.data(), size})) return;
      if (size < buffer_.size() && !connection.peer_closed) return;
      continue;
    }
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) return;
    RequestLedger& requests = tally_.ledger.requests;
    Lose(connection, n == 0 ? requests.truncated : requests.reset);
    return;
  }
}

// Returns whether the connection still lives.
bool EpollLoop::TakeBytes(Connection& connection, std::string_view bytes) {
  if (connection.state != ConnectionState::kAwaiting) {  // nobody asked for these bytes
    Lose(connection, tally_.ledger.requests.malformed);
    return false;
  }
  const Verdict verdict = check_.Feed(connection.progress, bytes);
  if (verdict == Verdict::kIncomplete) return true;
  return Finish(connection, verdict);
}

bool EpollLoop::Finish(Connection& connection, Verdict verdict) {
  const int64_t done_ns = MonotonicNs();
  if (done_ns >= next_edge_ns_->load(std::memory_order_relaxed)) [[unlikely]]
    CrossEdges(done_ns);
  RequestLedger& requests = tally_.ledger.requests;
  const bool usable = check_.keep_alive() && connection.unsent_bytes == 0;
  if (verdict == Verdict::kVerified) [[likely]] {
    ++requests.verified;
    if (stage_ == Stage::kWindow) CountInWindow(connection, done_ns);
  } else if (verdict == Verdict::kWrongStatus) {
    ++requests.wrong_status;
  } else if (verdict == Verdict::kWrongBody) {
    ++requests.wrong_body;
  } else {
    ++requests.malformed;
  }
  --awaiting_;
  connection.state = ConnectionState::kIdle;
  if (!connection.settled) [[unlikely]]
    Settle(connection, verdict == Verdict::kVerified);
  if (!usable) {
    if (verdict != Verdict::kMalformed) ++tally_.ledger.connections.lost;
    Kill(connection);
    return false;
  }
  if (IsDue(done_ns) && !connection.peer_closed) SendRequest(connection, done_ns);
  return connection.state != ConnectionState::kDead;
}

// The peer ended the connection. If a request was outstanding, `outcome` is what became of it.
void EpollLoop::Lose(Connection& connection, uint64_t& outcome) {
  if (connection.state == ConnectionState::kAwaiting) {
    ++outcome;
    --awaiting_;
  } else {
    ++tally_.ledger.connections.lost;
  }
  if (!connection.settled) Settle(connection, false);
  Kill(connection);
}

void EpollLoop::Kill(Connection& connection) {
  if (connection.fd >= 0) close(connection.fd);
  connection.fd = -1;
  connection.state = ConnectionState::kDead;
  connection.progress = {};
  --alive_;
}

bool EpollLoop::IsDue(int64_t now_ns) const {
  return (stage_ == Stage::kWarmUp || stage_ == Stage::kWindow) &&
         now_ns < state_.window_end_ns.load(std::memory_order_relaxed);
}

void EpollLoop::CountInWindow(Connection& connection, int64_t done_ns) {
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
  ++connection.window_requests;
  tally_.latency.Record(done_ns - connection.since_ns);
  tally_.intervals.Record(done_ns);
}

void EpollLoop::CrossEdges(int64_t now_ns) {
  const int64_t start_ns = state_.window_start_ns.load();
  if (stage_ == Stage::kWarmUp && now_ns >= start_ns) {
    cpu_at_start_ = ReadCpuUsage();
    tally_.intervals.Start(start_ns, state_.interval_width_ns);
    stage_ = Stage::kWindow;
    next_edge_ns_ = &state_.window_end_ns;
  }
  if (stage_ == Stage::kWindow && now_ns >= state_.window_end_ns.load()) {
    CountCpu();
    stage_ = Stage::kDrain;
  }
}

EpollLoop::CpuUsage EpollLoop::ReadCpuUsage() {
  rusage usage{};
  CHECK(getrusage(RUSAGE_THREAD, &usage) == 0);
  return {.total_ns = ThreadCpuNs(),
          .user_us = usage.ru_utime.tv_sec * 1'000'000 + usage.ru_utime.tv_usec,
          .system_us = usage.ru_stime.tv_sec * 1'000'000 + usage.ru_stime.tv_usec};
}

void EpollLoop::CountCpu() {
  const CpuUsage now = ReadCpuUsage();
  tally_.cpu.cpu_seconds = static_cast<double>(now.total_ns - cpu_at_start_.total_ns) / 1e9;
  tally_.cpu.user_seconds = static_cast<double>(now.user_us - cpu_at_start_.user_us) / 1e6;
  tally_.cpu.system_seconds = static_cast<double>(now.system_us - cpu_at_start_.system_us) / 1e6;
}

void EpollLoop::LookAtState() {
  if (stage_ == Stage::kConnect && state_.phase.load(std::memory_order_acquire) == Phase::kRun) {
    BeginRun();
  }
}

void EpollLoop::BeginRun() {
  stage_ = Stage::kWarmUp;
  const int64_t now_ns = MonotonicNs();
  CrossEdges(now_ns);
  for (Connection& connection : connections_) {
    if (connection.state != ConnectionState::kIdle || connection.peer_closed) continue;
    if (IsDue(now_ns)) SendRequest(connection, MonotonicNs());
  }
}

bool EpollLoop::HasEnded() const {
  if (state_.phase.load(std::memory_order_relaxed) == Phase::kStop) return true;
  if (stage_ == Stage::kConnect) return false;
  return alive_ == 0 || (stage_ == Stage::kDrain && awaiting_ == 0);
}

void EpollLoop::End() {
  // With no connection left, the window may still be open: it ends here for this thread's CPU.
  if (stage_ == Stage::kWindow) CountCpu();
  ConnectionLedger& ledger = tally_.ledger.connections;
  for (Connection& connection : connections_) {
    if (connection.state == ConnectionState::kConnecting ||
        connection.state == ConnectionState::kUnused) {
      ++ledger.other;
    }
    if (connection.state == ConnectionState::kAwaiting) {
      ++tally_.ledger.requests.in_flight_at_end;
    }
    if (connection.fd >= 0) close(connection.fd);
    if (connection.was_established) tally_.fairness.Add(connection.window_requests);
  }
  tally_.verified_fast = check_.fast_count();
  tally_.verified_full = check_.full_count();
  state_.loops_ended.fetch_add(1);
  state_.NotifyCoordinator();
}

}  // namespace crossover
