// Listener: the listening socket, and accepting from it, the same for every architecture.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/fd.h"
#include "servers/connection.h"
#include "servers/counters.h"

namespace crossover {

struct ListenAddress {
  std::string host = "127.0.0.1";  // a literal, IPv4 or IPv6
  uint16_t port = 0;               // 0: the kernel chooses
};

// "127.0.0.1:8080", "[::1]:8080". Throws UsageError for anything else.
ListenAddress ParseListenAddress(const std::string& text);

// Accepted in one turn of an event loop: so many new connections may hold up those that are served.
inline constexpr int kAcceptsInATurn = 64;

class Listener {
 public:
  // Binds and listens with SO_REUSEADDR and TCP_NODELAY, which accepted sockets inherit. Throws
  // UsageError if the address can't be had. The table and the counters outlive the listener.
  Listener(const ListenAddress& address, int backlog, ConnectionTable& table, Counters& counters);

  uint16_t port() const { return address_.port; }
  // The backlog that the kernel grants: at most net.core.somaxconn.
  int backlog() const { return backlog_; }

  // Waits for the next connection; null once Stop() was called and those that waited then (a
  // backlog at most) have been given out. When descriptors or memory run out it counts an accept
  // error and backs off, 5 ms doubling to 1 s, as Go's net/http does. One thread at a time.
  std::unique_ptr<Connection> Accept(SocketMode mode);

  // The same without waiting, for those who poll fd() and stop_fd() themselves. Those who accept in
  // another way, as by completions, bring the result to Take(): a descriptor, which is then the
  // listener's own, or a negative errno.
  struct Accepted {
    enum class Kind {
      kConnection,
      kNone,     // nobody waits
      kBackOff,  // out of something: not to be tried again for back_off_ms
      kStopped,  // as Accept()'s null
    };
    Kind kind;
    std::unique_ptr<Connection> connection = nullptr;
    int back_off_ms = 0;
  };
  Accepted TryAccept(SocketMode mode);
  Accepted Take(int result, SocketMode mode);
  int fd() const { return socket_.get(); }            // readable when a connection waits
  int stop_fd() const { return stop_->event.get(); }  // readable once stopped, and ever after
  bool stopped() const { return stop_->given.load(std::memory_order_relaxed); }

  // More listening sockets on the same address and port, for other threads: the kernel spreads
  // connections over them by a hash of their addresses (SO_REUSEPORT, Linux 3.9). They stop with
  // this one. In Architecture::Prepare(), before anybody knows the port: who connects earlier is
  // this one's. Throws what the constructor throws.
  std::vector<std::unique_ptr<Listener>> Siblings(size_t count);

  // For processes that share the socket and block in TryAccept(): makes accepting wait for a
  // connection, and no longer, in all of them, from their next call on. A signal ends the wait
  // (kNone, or kStopped).
  void BlockInAccept(bool block);

  ConnectionTable& table() { return table_; }

  // Answers 503 without having read the request, closes, and counts. Any thread.
  void Reject(std::unique_ptr<Connection> connection);

  // Makes Accept() return null. Any thread.
  void Stop();

 private:
  struct StopSignal {
    Fd event;
    std::atomic<bool> given{false};
    std::atomic<int> accepted_since{0};
  };

  explicit Listener(const Listener& sibling);
  void Wait();
  std::unique_ptr<Listener> Sibling();
  Accepted Take(int result, SocketMode mode, bool stopped);
  Accepted EndOfAccepting();

  ConnectionTable& table_;
  Counters& counters_;
  ListenAddress address_;  // with the port that was found
  int backlog_;
  std::shared_ptr<StopSignal> stop_;  // shared by siblings, and by forked processes
  Fd socket_;
  int back_off_ms_ = 0;
};

}  // namespace crossover
