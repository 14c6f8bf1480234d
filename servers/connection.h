// Connection: one accepted socket with its session. ConnectionTable: all of a server's connections,
// with their timeouts and the drain at the end.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <thread>

#include "base/fd.h"
#include "servers/counters.h"
#include "servers/http_session.h"

namespace crossover {

class ConnectionTable;

enum class SocketMode { kBlocking, kNonBlocking };

// Owned by whoever serves it; used by one thread at a time. Deleting it closes the socket.
class Connection {
 public:
  enum class Outcome {
    kBlocked,  // non-blocking sockets only: to be run again when the socket is ready
    kWaiting,  // Wait::kReturn only: let wait_ns() pass, then WaitOver(), and run it again
    kClosed,   // done: delete it
  };
  // Who lets the time of a handler that waits pass.
  enum class Wait {
    kSleep,   // Run(), which blocks its thread
    kReturn,  // the caller
  };

  // `mode` is the socket's own.
  Connection(Fd socket, SocketMode mode, ConnectionTable& table);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Serves until the connection is done or, if its socket doesn't block, until the socket has no
  // more to give or to take: that is an edge, so it suits EPOLLET. `peer_closed`: the poll said
  // that the peer has shut down its side; input is then read up to its end, where otherwise a short
  // read is taken for the last one.
  Outcome Run(bool peer_closed = false, Wait wait = Wait::kSleep);

  // For an owner that does the I/O itself, by completions. Next() says what is to be done: kRead
  // into ReadBuffer(), kWrite from PendingOutput(), kWait, or kClose: delete it. Never kShutdown.
  // What came of it is then told, and Next() asked again. A deadline, the drain and its end shut
  // the socket down, which completes what is under way.
  HttpSession::Step Next();
  std::span<char> ReadBuffer() { return session_.ReadBuffer(); }
  std::span<const char> PendingOutput() const { return session_.PendingOutput(); }
  // `n` as the system call's: bytes, 0 at the end of the stream, or a negative errno.
  void ReadDone(ssize_t n);
  void WriteDone(ssize_t n);
  int64_t wait_ns() const { return session_.wait_ns(); }
  void WaitOver() { session_.WaitOver(); }

  // Blocked, or about to be, in sending rather than in receiving.
  bool writing() const { return session_.step() == HttpSession::Step::kWrite; }
  int fd() const { return socket_.get(); }

 private:
  friend class ConnectionTable;

  bool Read();   // false: the socket would block
  bool Write();  // likewise
  void NotePhase();

  Fd socket_;
  const SocketMode mode_;
  bool drained_ = false;  // the last read took all that there was; only known if it doesn't block
  bool broken_ = false;   // the socket failed
  ConnectionTable& table_;
  HttpSession session_;
  HttpSession::Phase phase_ = HttpSession::Phase::kIdle;
  // Read by the table's thread, or by another process: the phase in the low 3 bits, above it the
  // coarse milliseconds since when. Here, or where the table's PublishIn() said.
  std::atomic<int64_t> own_since_{0};
  std::atomic<int64_t>& since_;
  std::atomic<bool> timed_out_{false};
  // The table's list, under its mutex.
  Connection* previous_ = nullptr;
  Connection* next_ = nullptr;
};

struct TimeoutOptions {
  int64_t idle_ns = 60'000'000'000;    // between requests; also for a body and for a full output
  int64_t header_ns = 10'000'000'000;  // from the first byte of a header to its last
  int64_t linger_ns = 2'000'000'000;   // for the peer to close after an error
  int64_t drain_ns = 5'000'000'000;    // from Drain() until what is left is cut off
};

// Any thread. Outlives its connections. Its own thread looks through the connections four times in
// the shortest timeout, and once a second at least, and shuts the expired ones down, which wakes
// whoever serves them. So no architecture pays for timers on its way through a request, and all pay
// the same.
class ConnectionTable {
 public:
  ConnectionTable(const TimeoutOptions& timeouts, SessionContext& context, Counters& counters);
  ~ConnectionTable();  // CHECKs that no connection is left

  // Starts that thread. Once; throws std::system_error if there is none to be had.
  void StartWatching();

  // A table that was copied by fork() has no thread. The process has one thread and one connection
  // at a time; the connection's phase and its time are published in `since`, for another process
  // to look at, which asks Overdue() and then interrupts by a signal the call in which the
  // connection's thread is blocked: the connection is then looked at there.
  void PublishIn(std::atomic<int64_t>& since) { published_ = &since; }
  // Whether what was published so is to be shut down by now.
  bool Overdue(int64_t since) const;
  // Between two looks at all connections.
  int64_t sweep_interval_ms() const;

  // From now on responses close their connections; idle connections are closed after a short
  // grace, in which a request under way may arrive; after drain_ns everything is cut off.
  void Drain();
  const SessionContext& context() const { return context_; }
  // The drain is over: whoever serves a connection lets go of it.
  bool cut_off() const { return context_.cut_off.load(std::memory_order_relaxed); }
  bool draining() const { return context_.draining.load(std::memory_order_relaxed); }

 private:
  friend class Connection;

  void Add(Connection* connection);
  void RemoveAndClose(Connection* connection);
  void Watch();
  void Sweep(int64_t now_ms);  // under mutex_
  void Interrupted();
  int64_t LimitMs(HttpSession::Phase phase, bool draining) const;

  const TimeoutOptions timeouts_;
  SessionContext& context_;
  Counters& counters_;
  std::mutex mutex_;
  std::condition_variable wake_;
  Connection* first_ = nullptr;
  std::atomic<int64_t>* published_ = nullptr;
  bool stopping_ = false;
  int64_t drain_began_ms_ = -1;
  std::thread watcher_;
};

}  // namespace crossover
