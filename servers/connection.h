// Connection: one accepted socket with its session. ConnectionTable: all of a server's connections,
// with their timeouts and the drain at the end.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
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
    kClosed,   // done: delete it
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
  Outcome Run(bool peer_closed = false);

  int fd() const { return socket_.get(); }

 private:
  friend class ConnectionTable;

  enum class Io { kProgress, kBlocked, kBroken };

  Io Read();
  Io Write();
  void NotePhase();

  Fd socket_;
  const SocketMode mode_;
  bool drained_ = false;  // the last read took all that there was; only known if it doesn't block
  ConnectionTable& table_;
  HttpSession session_;
  HttpSession::Phase phase_ = HttpSession::Phase::kIdle;
  // Read by the table's thread: the phase in the low 3 bits, above it the coarse milliseconds since
  // when.
  std::atomic<int64_t> since_;
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

  // From now on responses close their connections; idle connections are closed after a short
  // grace, in which a request under way may arrive; after drain_ns everything is cut off.
  void Drain();
  const SessionContext& context() const { return context_; }
  // The drain is over: whoever serves a connection lets go of it.
  bool cut_off() const { return cut_off_.load(std::memory_order_relaxed); }
  size_t open() const { return open_.load(std::memory_order_relaxed); }

 private:
  friend class Connection;

  void Add(Connection* connection);
  void RemoveAndClose(Connection* connection);
  void Watch();
  void Sweep(int64_t now_ms);  // under mutex_

  const TimeoutOptions timeouts_;
  SessionContext& context_;
  Counters& counters_;
  std::mutex mutex_;
  std::condition_variable wake_;
  Connection* first_ = nullptr;
  std::atomic<size_t> open_{0};
  std::atomic<bool> cut_off_{false};
  bool stopping_ = false;
  int64_t drain_began_ms_ = -1;
  std::thread watcher_;
};

}  // namespace crossover
