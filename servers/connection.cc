#include "servers/connection.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <limits>

#include "base/check.h"
#include "base/clock.h"

namespace crossover {
namespace {

constexpr int64_t kPhaseBits = 3;
constexpr int64_t kDrainGraceMs = 100;
constexpr int64_t kDrainSweepMs = 20;

int64_t CoarseMs() { return MonotonicCoarseNs() / kNsPerMs; }

int64_t PackSince(int64_t ms, HttpSession::Phase phase) {
  return ms << kPhaseBits | static_cast<int64_t>(phase);
}

HttpSession::Phase PhaseOf(int64_t since) {
  return static_cast<HttpSession::Phase>(since & ((1 << kPhaseBits) - 1));
}

int64_t AgeMs(int64_t since, int64_t now_ms) { return now_ms - (since >> kPhaseBits); }

// clock_nanosleep to the end, whatever signals come.
void SleepNs(int64_t ns) {
  timespec left{.tv_sec = ns / kNsPerSecond, .tv_nsec = ns % kNsPerSecond};
  while (clock_nanosleep(CLOCK_MONOTONIC, 0, &left, &left) == EINTR) {
  }
}

}  // namespace

Connection::Connection(Fd socket, SocketMode mode, ConnectionTable& table)
    : socket_(std::move(socket)),
      mode_(mode),
      table_(table),
      session_(table.context_, table.counters_.NextShard()),
      since_(table.published_ != nullptr ? *table.published_ : own_since_) {
  since_.store(PackSince(CoarseMs(), HttpSession::Phase::kIdle), std::memory_order_relaxed);
  table_.Add(this);
}

Connection::~Connection() { table_.RemoveAndClose(this); }

// An idle connection is as old as its last response; any other phase as its beginning.
void Connection::NotePhase() {
  const HttpSession::Phase phase = session_.phase();
  if (phase == phase_ && phase != HttpSession::Phase::kIdle) return;
  phase_ = phase;
  since_.store(PackSince(CoarseMs(), phase), std::memory_order_relaxed);
}

HttpSession::Step Connection::Next() {
  if (broken_ || table_.cut_off()) return HttpSession::Step::kClose;
  NotePhase();
  if (session_.step() == HttpSession::Step::kShutdown) {
    ::shutdown(socket_.get(), SHUT_WR);
    session_.ShutdownDone();
    NotePhase();
  }
  return session_.step();
}

void Connection::ReadDone(ssize_t n) {
  if (n > 0) {
    session_.Received(static_cast<size_t>(n));
  } else if (n == -EINTR) {
    table_.Interrupted();
  } else if (n < 0) {
    broken_ = true;
  } else if (timed_out_.load(std::memory_order_acquire)) {
    session_.TimedOut();
  } else {
    session_.EndOfInput();
  }
}

void Connection::WriteDone(ssize_t n) {
  if (n == -EINTR) return table_.Interrupted();
  if (n < 0) {
    broken_ = true;
    return;
  }
  // An output that was taken whole begins a new term for the next.
  const bool whole = static_cast<size_t>(n) == session_.PendingOutput().size();
  if (whole) phase_ = HttpSession::Phase::kIdle;
  session_.Sent(static_cast<size_t>(n));
  // A call that blocks is cut short by a signal only.
  if (!whole && mode_ == SocketMode::kBlocking) table_.Interrupted();
}

Connection::Outcome Connection::Run(bool peer_closed, Wait wait) {
  drained_ = false;
  while (true) {
    switch (Next()) {
      case HttpSession::Step::kRead:
        if ((drained_ && !peer_closed) || !Read()) return Outcome::kBlocked;
        break;
      case HttpSession::Step::kWrite:
        if (!Write()) return Outcome::kBlocked;
        break;
      case HttpSession::Step::kWait:
        if (wait == Wait::kReturn) return Outcome::kWaiting;
        SleepNs(session_.wait_ns());
        session_.WaitOver();
        break;
      case HttpSession::Step::kShutdown:
      case HttpSession::Step::kClose:
        return Outcome::kClosed;
    }
  }
}

bool Connection::Read() {
  const std::span<char> buffer = session_.ReadBuffer();
  const ssize_t n = ::recv(socket_.get(), buffer.data(), buffer.size(), 0);
  if (n < 0 && errno == EAGAIN) return false;
  drained_ = mode_ == SocketMode::kNonBlocking && n > 0 && static_cast<size_t>(n) < buffer.size();
  ReadDone(n < 0 ? -errno : n);
  return true;
}

bool Connection::Write() {
  const std::span<const char> output = session_.PendingOutput();
  const ssize_t n = ::send(socket_.get(), output.data(), output.size(), MSG_NOSIGNAL);
  if (n < 0 && errno == EAGAIN) return false;
  WriteDone(n < 0 ? -errno : n);
  return true;
}

ConnectionTable::ConnectionTable(const TimeoutOptions& timeouts, SessionContext& context,
                                 Counters& counters)
    : timeouts_(timeouts), context_(context), counters_(counters) {}

ConnectionTable::~ConnectionTable() {
  {
    const std::lock_guard lock(mutex_);
    CHECK(first_ == nullptr);
    stopping_ = true;
  }
  wake_.notify_one();
  if (watcher_.joinable()) watcher_.join();
}

void ConnectionTable::StartWatching() { watcher_ = std::thread(&ConnectionTable::Watch, this); }

void ConnectionTable::Interrupted() {
  if (watcher_.joinable()) return;
  const std::lock_guard lock(mutex_);
  Sweep(CoarseMs());
}

void ConnectionTable::Drain() {
  context_.draining = true;
  {
    const std::lock_guard lock(mutex_);
    if (drain_began_ms_ < 0) drain_began_ms_ = CoarseMs();
  }
  wake_.notify_one();
}

void ConnectionTable::Add(Connection* connection) {
  const std::lock_guard lock(mutex_);
  connection->next_ = first_;
  if (first_ != nullptr) first_->previous_ = connection;
  first_ = connection;
  counters_.open.fetch_add(1, std::memory_order_relaxed);
}

// The descriptor is closed when it is off the list, where Sweep() no longer meets it, and not under
// the lock: the kernel sends the peer's FIN within close(), for which no other thread should wait.
void ConnectionTable::RemoveAndClose(Connection* connection) {
  {
    const std::lock_guard lock(mutex_);
    if (connection->previous_ != nullptr) connection->previous_->next_ = connection->next_;
    if (connection->next_ != nullptr) connection->next_->previous_ = connection->previous_;
    if (first_ == connection) first_ = connection->next_;
  }
  counters_.open.fetch_sub(1, std::memory_order_relaxed);
  connection->socket_.Reset();
}

int64_t ConnectionTable::sweep_interval_ms() const {
  if (draining()) return kDrainSweepMs;
  const int64_t shortest_ms =
      std::min({timeouts_.idle_ns, timeouts_.header_ns, timeouts_.linger_ns}) / kNsPerMs;
  return std::clamp<int64_t>(shortest_ms / 4, kDrainSweepMs, 1000);
}

void ConnectionTable::Watch() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    wake_.wait_for(lock, std::chrono::milliseconds(sweep_interval_ms()));
    if (!stopping_) Sweep(CoarseMs());
  }
}

// How long a connection may be in `phase`.
int64_t ConnectionTable::LimitMs(HttpSession::Phase phase, bool draining) const {
  using Phase = HttpSession::Phase;
  const int64_t idle_ms = timeouts_.idle_ns / kNsPerMs;
  if (phase == Phase::kHandling) return std::numeric_limits<int64_t>::max();
  if (phase == Phase::kHeader) return timeouts_.header_ns / kNsPerMs;
  if (phase == Phase::kLingering) return timeouts_.linger_ns / kNsPerMs;
  if (phase == Phase::kIdle && draining) return std::min(idle_ms, kDrainGraceMs);
  return idle_ms;
}

bool ConnectionTable::Overdue(int64_t since) const {
  return cut_off() || AgeMs(since, CoarseMs()) > LimitMs(PhaseOf(since), draining());
}

void ConnectionTable::Sweep(int64_t now_ms) {
  using Phase = HttpSession::Phase;
  // Asked once: who is let go by a drain that begins meanwhile would be counted as timed out.
  const bool draining = this->draining();
  if (drain_began_ms_ >= 0 && now_ms - drain_began_ms_ > timeouts_.drain_ns / kNsPerMs) {
    context_.cut_off.store(true, std::memory_order_relaxed);
  }
  const bool cut_off = this->cut_off();
  for (Connection* c = first_; c != nullptr; c = c->next_) {
    const int64_t since = c->since_.load(std::memory_order_relaxed);
    const Phase phase = PhaseOf(since);
    if (cut_off) {
      ::shutdown(c->fd(), SHUT_RDWR);
      continue;
    }
    if (AgeMs(since, now_ms) <= LimitMs(phase, draining)) continue;
    // The first time its owner is woken to answer as it can; after that there is no more to wait
    // for.
    const bool again = c->timed_out_.exchange(true, std::memory_order_release);
    // In the drain a request may still lie unread; its owner has been woken and gets to it.
    if (again && draining && phase == Phase::kIdle) continue;
    if (!again && !(phase == Phase::kIdle && draining)) {
      counters_.timeouts.fetch_add(1, std::memory_order_relaxed);
    }
    const bool reading = phase == Phase::kIdle || phase == Phase::kHeader || phase == Phase::kBody;
    ::shutdown(c->fd(), reading && !again ? SHUT_RD : SHUT_RDWR);
  }
}

}  // namespace crossover
