// io-uring-per-core
//
//   each worker:  io_uring_enter( submits all that the last turn queued, waits )
//                   --> accepted: queue a receive    --> received: session, queue a send
//                   --> sent: session                --> waited long enough: session      --> again
//
// reactor-per-core by completions: a worker for each CPU with its own listening socket and its own
// ring, so that nothing is shared. Accepting and receiving are asked for once and complete ever
// again (multishot), received bytes come in buffers of the worker's that the kernel picks, and
// sends go out with the next wait. Under load one system call serves a batch of requests, where
// epoll takes two for each; a lone request takes two, its send and the wait for the next. No switch
// while there is work. Memory is a session for each connection, and 1 MiB of buffers for each
// worker (one for each event of a --batch): when all are full, receives end, and are asked for
// again as buffers come back. A handler that waits (/wait) is a timeout in the ring and holds up
// nobody; one that computes (/cpu) holds up its worker. Limited by descriptors only. In production:
// TigerBeetle, and the io_uring back ends of Seastar and Netty. The idea: completion ports (Windows
// NT 3.5, 1994); Axboe's io_uring, Linux 5.1 (2019). This one needs 6.1.

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <deque>
#include <exception>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/check.h"
#include "base/clock.h"
#include "base/limits.h"
#include "servers/architecture.h"
#include "servers/connection.h"
#include "servers/per_core.h"
#include "servers/uring_client.h"
#include "servers/uring_ring.h"

namespace crossover {
namespace {

using Client = UringClient;
using Kind = UringKind;

// By O_NONBLOCK io_uring understands that it shall fail with EAGAIN instead of waiting for the
// socket.
constexpr SocketMode kMode = SocketMode::kBlocking;
// Received ahead of a session that is busy; above it the connection receives no more until the
// session has caught up.
constexpr size_t kAheadBytesMax = limits::kReadChunkBytesMax;
// That one completion may call for: at most the cancellation of a connection's three requests.
constexpr unsigned kEntriesPerCompletion = 4;

// For so many of those that found no buffer there is room however full a turn is.
constexpr size_t kAgainWhenFull = 8;

constexpr int64_t kLookNs = 20 * kNsPerMs;

__kernel_timespec ToTimespec(int64_t ns) { return {ns / kNsPerSecond, ns % kNsPerSecond}; }

class Worker {
 public:
  explicit Worker(const ArchitectureOptions& options)
      : ring_(options.batch), busy_poll_ns_(options.busy_poll_ns) {}

  void AcceptFrom(Listener& listener, Counters& /*counters*/) { listener_ = &listener; }
  // Serves on the calling thread, until the listener says stop and the last connection is done.
  void Run();

 private:
  void Turn();
  void Handle(const io_uring_cqe& completion);

  void Accept();
  void AcceptDone(const io_uring_cqe& completion);
  void AwaitStop();
  void Stop();
  void AcceptWhatWaits();
  void Add(std::unique_ptr<Connection> connection);
  void SetListenerFlags(int flags) const;

  void ReceiveAgain();
  void ReceiveDone(Client& client, const io_uring_cqe& completion);
  void SendDone(Client& client, int result);
  void WaitDone(Client& client, int result);

  void GoOn(Client& client);
  void Send(Client& client);
  void Wait(Client& client);
  void Close(Client& client);
  void TakeIn(Client& client, std::string_view bytes);
  static void TakeAhead(Client& client);
  static size_t Feed(Connection& connection, std::string_view bytes);

  UringRing ring_;
  const int64_t busy_poll_ns_;
  Listener* listener_ = nullptr;
  size_t open_ = 0;
  std::deque<Client*> starved_;  // in the order of asking
  size_t given_back_ = 0;        // buffers, in this turn
  __kernel_timespec back_off_{};
  bool accepting_ = false;  // a multishot accept is under way
  bool stopping_ = false;
  bool accepted_all_ = false;  // once stopping: those that waited as well
};

void Worker::Run() {
  ring_.Enable();
  SetListenerFlags(0);
  Accept();
  AwaitStop();
  while (!accepted_all_ || accepting_ || open_ > 0) {
    Turn();
    if (stopping_ && !accepting_ && !accepted_all_) AcceptWhatWaits();
  }
  ring_.Disable();
}

// Spins for busy_poll_ns_ before it blocks; neither while somebody waits for a buffer.
void Worker::Turn() {
  const bool spins = busy_poll_ns_ > 0 && starved_.empty();
  if (spins) {
    const int64_t end_ns = MonotonicNs() + busy_poll_ns_;
    do {
      ring_.SubmitAndWait(0);
    } while (!ring_.has_completions() && MonotonicNs() < end_ns);
  }
  if (!spins || !ring_.has_completions()) ring_.SubmitAndWait(starved_.empty() ? 1 : 0);
  given_back_ = 0;
  const auto again = static_cast<unsigned>(std::min(starved_.size(), kAgainWhenFull));
  ring_.HandleCompletions(kEntriesPerCompletion * (1 + again),
                          [this](const io_uring_cqe& completion) { Handle(completion); });
  ReceiveAgain();
}

// Of those that found no buffer so many as there are buffers for: those that this turn gave back,
// or all. Before Linux 6.13 a wait runs the receives of all connections that have bytes; were all
// that found no buffer asked for again at once, most would end as before, turn by turn.
void Worker::ReceiveAgain() {
  const size_t buffers = ring_.has_completions() ? given_back_ : ring_.buffers();
  for (size_t n = std::min(starved_.size(), buffers); n > 0; --n) {
    if (!ring_.HasRoom(kEntriesPerCompletion)) return;
    Client& client = *starved_.front();
    starved_.pop_front();
    client.starved = false;
    GoOn(client);
  }
}

void Worker::Handle(const io_uring_cqe& completion) {
  switch (KindOf(completion)) {
    case Kind::kIgnored:
      return;
    case Kind::kReceive:
      return ReceiveDone(ClientOf(completion), completion);
    case Kind::kSend:
      return SendDone(ClientOf(completion), completion.res);
    case Kind::kWait:
      return WaitDone(ClientOf(completion), completion.res);
    case Kind::kAccept:
      return AcceptDone(completion);
    case Kind::kBackOff:
      if (!accepting_ && !stopping_) Accept();
      return;
    case Kind::kStop:
      return completion.res < 0 ? AwaitStop() : Stop();
  }
}

void Worker::Accept() {
  io_uring_prep_multishot_accept(ring_.NextEntry(TagOf(Kind::kAccept)), listener_->fd(), nullptr,
                                 nullptr, SOCK_CLOEXEC);
  accepting_ = true;
}

void Worker::AcceptDone(const io_uring_cqe& completion) {
  accepting_ = (completion.flags & IORING_CQE_F_MORE) != 0;
  if (completion.res != -ECANCELED) {
    Listener::Accepted accepted = listener_->Take(completion.res, kMode);
    if (accepted.connection != nullptr) Add(std::move(accepted.connection));
    if (accepted.kind == Listener::Accepted::Kind::kBackOff) {
      back_off_ = ToTimespec(accepted.back_off_ms * kNsPerMs);
      io_uring_prep_timeout(ring_.NextEntry(TagOf(Kind::kBackOff)), &back_off_, 0, 0);
      return;
    }
    if (accepted.kind == Listener::Accepted::Kind::kStopped) {
      accepted_all_ = true;
      Stop();
    }
  }
  if (!accepting_ && !stopping_) Accept();
}

void Worker::AwaitStop() {
  io_uring_prep_poll_add(ring_.NextEntry(TagOf(Kind::kStop)), listener_->stop_fd(), POLLIN);
}

void Worker::Stop() {
  if (!stopping_ && accepting_) ring_.Cancel(TagOf(Kind::kAccept), TagOf(Kind::kIgnored));
  stopping_ = true;
}

// Those that the multishot accept left in the queue when it was stopped.
void Worker::AcceptWhatWaits() {
  SetListenerFlags(O_NONBLOCK);
  while (!accepted_all_) {
    while (!ring_.HasRoom(kEntriesPerCompletion)) ring_.SubmitAndWait(0);
    Listener::Accepted accepted = listener_->TryAccept(kMode);
    if (accepted.kind == Listener::Accepted::Kind::kConnection) {
      Add(std::move(accepted.connection));
    } else {
      accepted_all_ = accepted.kind == Listener::Accepted::Kind::kStopped;
    }
  }
}

void Worker::SetListenerFlags(int flags) const {
  CHECK(fcntl(listener_->fd(), F_SETFL, flags) == 0);
}

void Worker::Add(std::unique_ptr<Connection> connection) {
  ++open_;
  GoOn(*new Client{.connection = std::move(connection)});
}

// Bytes, or the end of a multishot receive, or both.
void Worker::ReceiveDone(Client& client, const io_uring_cqe& completion) {
  const int result = completion.res;
  client.receiving = (completion.flags & IORING_CQE_F_MORE) != 0;
  const std::span<const char> bytes = ring_.Received(completion);
  if (!client.closing) TakeIn(client, {bytes.data(), bytes.size()});
  if (ring_.GiveBack(completion)) ++given_back_;
  const bool again = result > 0 || result == -ENOBUFS || result == -ECANCELED || result == -EINTR ||
                     result == -EAGAIN;
  if (!again) client.input_end = result;
  if (result == -ENOBUFS && !client.receiving) {
    client.starved = true;
    starved_.push_back(&client);
  }
  GoOn(client);
}

void Worker::SendDone(Client& client, int result) {
  client.sending = false;
  client.connection->WriteDone(result == -EAGAIN ? -EINTR : result);
  GoOn(client);
}

void Worker::WaitDone(Client& client, int result) {
  client.waiting = false;
  if (result == -ETIME) {
    if (MonotonicNs() >= client.wait_ends_ns) {
      client.connection->WaitOver();
      client.wait_ends_ns = 0;
    }
  } else if (!client.closing) {
    client.connection->WriteDone(result);  // no memory for a timer: the connection has failed
  }
  GoOn(client);
}

// Does what the session can do without the kernel, and asks the kernel for the next. Deletes the
// client if that was the end of it.
void Worker::GoOn(Client& client) {
  Connection& connection = *client.connection;
  while (!client.closing) {
    switch (connection.Next()) {
      case HttpSession::Step::kRead:
        if (!client.ahead.empty()) {
          TakeAhead(client);
        } else if (client.input_end) {
          connection.ReadDone(*client.input_end);
        } else {
          if (client.receiving || client.starved) return;
          ring_.Receive(connection.fd(), client.Tag(Kind::kReceive));
          client.receiving = true;
          return;
        }
        break;
      case HttpSession::Step::kWrite:
        if (!client.sending) Send(client);
        return;
      case HttpSession::Step::kWait:
        if (!client.waiting) Wait(client);
        return;
      case HttpSession::Step::kShutdown:
      case HttpSession::Step::kClose:
        Close(client);
        break;
    }
  }
  if (!client.idle()) return;
  delete &client;
  --open_;
}

void Worker::Send(Client& client) {
  const std::span<const char> output = client.connection->PendingOutput();
  // MSG_WAITALL: the kernel goes on until all is sent.
  io_uring_prep_send(ring_.NextEntry(client.Tag(Kind::kSend)), client.connection->fd(),
                     output.data(), output.size(), MSG_NOSIGNAL | MSG_WAITALL);
  client.sending = true;
}

void Worker::Wait(Client& client) {
  const int64_t now_ns = MonotonicNs();
  if (client.wait_ends_ns == 0) client.wait_ends_ns = now_ns + client.connection->wait_ns();
  int64_t left_ns = std::max<int64_t>(client.wait_ends_ns - now_ns, 1);
  // The drain's end shuts the socket down; who isn't receiving learns of it by looking.
  if (!client.receiving) left_ns = std::min(left_ns, kLookNs);
  client.wait = ToTimespec(left_ns);
  io_uring_prep_timeout(ring_.NextEntry(client.Tag(Kind::kWait)), &client.wait, 0, 0);
  client.waiting = true;
}

// The kernel's requests hold the socket, and refer to the session; the client goes when they are
// through.
void Worker::Close(Client& client) {
  client.closing = true;
  const uint64_t ignored = TagOf(Kind::kIgnored);
  if (client.receiving) ring_.Cancel(client.Tag(Kind::kReceive), ignored);
  if (client.sending) ring_.Cancel(client.Tag(Kind::kSend), ignored);
  if (client.waiting) ring_.Cancel(client.Tag(Kind::kWait), ignored);
}

// To the session what it takes; the rest is kept.
void Worker::TakeIn(Client& client, std::string_view bytes) {
  if (client.ahead.empty()) bytes.remove_prefix(Feed(*client.connection, bytes));
  if (bytes.empty()) return;
  client.ahead.append(bytes);
  if (client.receiving && client.ahead.size() - client.ahead_taken > kAheadBytesMax) {
    ring_.Cancel(client.Tag(Kind::kReceive), TagOf(Kind::kIgnored));
  }
}

void Worker::TakeAhead(Client& client) {
  const std::string_view bytes = std::string_view(client.ahead).substr(client.ahead_taken);
  client.ahead_taken += Feed(*client.connection, bytes);
  if (client.ahead_taken < client.ahead.size()) return;
  client.ahead = std::string();
  client.ahead_taken = 0;
}

// How many of the bytes the connection took before it wanted something else.
size_t Worker::Feed(Connection& connection, std::string_view bytes) {
  size_t fed = 0;
  while (fed < bytes.size() && connection.Next() == HttpSession::Step::kRead) {
    const std::span<char> room = connection.ReadBuffer();
    const size_t n = std::min(room.size(), bytes.size() - fed);
    std::memcpy(room.data(), bytes.data() + fed, n);
    connection.ReadDone(static_cast<ssize_t>(n));
    fed += n;
  }
  return fed;
}

class IoUringPerCore : public PerCore<Worker> {
 public:
  // The rings are made here, so that a kernel that has none is told of before anything is served;
  // and by a thread that ends, since the end of a ring later interrupts the thread that made it.
  explicit IoUringPerCore(const ArchitectureOptions& options) : PerCore(options) {
    std::exception_ptr failure;
    std::thread([&] {
      try {
        for (size_t i = 0; i < WorkerCount(options); ++i) workers().emplace_back(options);
      } catch (...) {
        failure = std::current_exception();
      }
    }).join();
    if (failure) std::rethrow_exception(failure);
  }
};

}  // namespace

std::unique_ptr<Architecture> MakeIoUringPerCore(const ArchitectureOptions& options) {
  return std::make_unique<IoUringPerCore>(options);
}

}  // namespace crossover
