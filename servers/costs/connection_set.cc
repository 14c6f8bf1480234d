#include "servers/costs/connection_set.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <span>
#include <thread>

#include "base/error.h"
#include "base/limits.h"
#include "base/open_files.h"

namespace crossover {
namespace {

// Descriptors beside the connections.
constexpr size_t kOtherDescriptors = 100;

// The number of connections, if the limit on open files permits it. Here and in the peer's process.
size_t Permitted(size_t connections) {
  const uint64_t needed = connections + kOtherDescriptors;
  const OpenFilesLimit limit = RaiseOpenFilesLimit(needed);
  if (limit.soft >= needed) return connections;
  throw UsageError("needs " + std::to_string(needed) + " open files in a process; the limit is " +
                   std::to_string(limit.soft) + " (ulimit -n)");
}

}  // namespace

std::string ResponseToGet() {
  const SessionContext context;
  Counters::Shard counters;
  HttpSession session(context, counters);
  std::memcpy(session.ReadBuffer().data(), kGet.data(), kGet.size());
  session.Received(kGet.size());
  const std::span<const char> output = session.PendingOutput();
  return {output.data(), output.size()};
}

ConnectionSet::ConnectionSet(const Placement& placement, size_t connections)
    : table_(TimeoutOptions{}, context_, counters_),
      listener_(ListenAddress{}, limits::kBacklogMax, table_, counters_),
      epoll_(epoll_create1(EPOLL_CLOEXEC)),
      order_(TurnOrder(Permitted(connections))) {
  if (!epoll_) ThrowErrno("epoll_create1");
  RunOn(placement.server_cpu);
  peer_ = std::make_unique<Peer>(Peer::Options{.cpu = placement.client_cpu,
                                               .port = listener_.port(),
                                               .connections = connections,
                                               .request = std::string(kGet),
                                               .response_bytes = ResponseToGet().size()});
  AcceptAll();
  Watch(true);
  for (size_t left = connections; left > 0; left -= std::min(left, kBatch)) {
    peer_->Allow(std::min(left, kBatch));
    Finish();
  }
}

// The peer's end of them first, and without its TIME_WAIT.
ConnectionSet::~ConnectionSet() {
  servers_.Clear();
  peer_.reset();
}

void ConnectionSet::AcceptAll() {
  while (connections_.size() < order_.size()) {
    Listener::Accepted accepted = listener_.TryAccept(SocketMode::kNonBlocking);
    if (accepted.kind == Listener::Accepted::Kind::kConnection) {
      connections_.push_back(std::move(accepted.connection));
      peer_->NoteAccepted();
      continue;
    }
    if (accepted.kind != Listener::Accepted::Kind::kNone) {
      throw UsageError("accepting connection " + std::to_string(connections_.size()) +
                       " failed: out of descriptors or memory");
    }
    peer_->CheckAlive();
    std::this_thread::yield();
  }
}

void ConnectionSet::Register(int operation, size_t i, uint32_t flags) const {
  epoll_event event{.events = EPOLLIN | flags, .data = {.ptr = connections_[i].get()}};
  if (epoll_ctl(epoll_.get(), operation, fd(i), &event) != 0) ThrowErrno("epoll_ctl");
}

void ConnectionSet::Watch(bool on) {
  if (watched_ == on) return;
  watched_ = on;
  if (on) servers_.Clear();
  for (const uint32_t i : order_) Register(on ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, i);
}

ConnectionSet::Round ConnectionSet::Serve(size_t next) {
  Round round;
  peer_->AwaitSent();
  const Stopwatch waiting;
  round.requests = Wait(kBatch);
  round.wait_ns = waiting.ElapsedNs();
  peer_->Allow(next);
  AnswerAll(round);
  return round;
}

ConnectionSet::Round ConnectionSet::ServeClosed(size_t most, bool in_turns) {
  Round round;
  peer_->AwaitSent(served_ + std::min(most, size()));
  const Stopwatch waiting;
  round.requests = Wait(most);
  round.wait_ns = waiting.ElapsedNs();
  peer_->Allow(round.requests);
  if (in_turns) {
    AnswerInTurns(round);
  } else {
    AnswerAll(round);
  }
  return round;
}

// Returns how many are ready.
size_t ConnectionSet::Wait(size_t most) {
  const int ready = epoll_wait(epoll_.get(), events_.data(), static_cast<int>(most), 0);
  if (ready < 0 && errno != EINTR) ThrowErrno("epoll_wait");
  return static_cast<size_t>(std::max(ready, 0));
}

void ConnectionSet::AnswerInTurns(Round& round) {
  const Stopwatch serving;
  for (size_t i = 0; i < round.requests; ++i) {
    Prepare(i);
    Receive(i);
    Received(i);
    Send(i);
    Sent(i);
  }
  round.request_ns = serving.ElapsedNs();
  served_ += round.requests;
}

void ConnectionSet::AnswerAll(Round& round) {
  for (size_t i = 0; i < round.requests; ++i) Prepare(i);
  const Stopwatch receiving;
  for (size_t i = 0; i < round.requests; ++i) Receive(i);
  round.receive_ns = receiving.ElapsedNs();
  for (size_t i = 0; i < round.requests; ++i) Received(i);
  const Stopwatch sending;
  for (size_t i = 0; i < round.requests; ++i) Send(i);
  round.send_ns = sending.ElapsedNs();
  for (size_t i = 0; i < round.requests; ++i) Sent(i);
  served_ += round.requests;
}

void ConnectionSet::Prepare(size_t i) {
  ready_[i] = static_cast<Connection*>(events_[i].data.ptr);
  buffers_[i] = ready_[i]->ReadBuffer();
}

void ConnectionSet::Receive(size_t i) {
  results_[i] = recv(ready_[i]->fd(), buffers_[i].data(), buffers_[i].size(), 0);
  if (results_[i] <= 0) ThrowErrno("recv", results_[i] < 0 ? errno : ECONNRESET);
}

void ConnectionSet::Received(size_t i) {
  ready_[i]->ReadDone(results_[i]);
  if (ready_[i]->Next() != HttpSession::Step::kWrite) throw UsageError("recv: half a request");
}

void ConnectionSet::Send(size_t i) {
  const std::span<const char> output = ready_[i]->PendingOutput();
  results_[i] = send(ready_[i]->fd(), output.data(), output.size(), MSG_NOSIGNAL);
  if (results_[i] < 0) ThrowErrno("send");
}

void ConnectionSet::Sent(size_t i) {
  ready_[i]->WriteDone(results_[i]);
  if (ready_[i]->Next() != HttpSession::Step::kRead) throw UsageError("send: half a response");
}

void ConnectionSet::Finish() {
  while (served_ < peer_->allowed()) {
    if (Serve(0).requests == 0) peer_->CheckAlive();
  }
}

}  // namespace crossover
