// Listener: the listening socket, and accepting from it, the same for every architecture.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

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

class Listener {
 public:
  // Binds and listens with SO_REUSEADDR and TCP_NODELAY, which accepted sockets inherit. Throws
  // UsageError if the address can't be had. The table and the counters outlive the listener.
  Listener(const ListenAddress& address, int backlog, ConnectionTable& table, Counters& counters);

  uint16_t port() const { return port_; }
  // The backlog that the kernel grants: at most net.core.somaxconn.
  int backlog() const { return backlog_; }

  // Waits for the next connection; null once Stop() was called and those that waited then (a
  // backlog at most) have been given out. When descriptors or memory run out it counts an accept
  // error and backs off, 5 ms doubling to 1 s, as Go's net/http does. One thread at a time.
  std::unique_ptr<Connection> Accept(SocketMode mode);

  // Answers 503 without having read the request, closes, and counts. Any thread.
  void Reject(std::unique_ptr<Connection> connection);

  // Makes Accept() return null. Any thread.
  void Stop();

 private:
  bool WaitForConnection();  // false: stopped

  ConnectionTable& table_;
  Counters& counters_;
  Fd socket_;
  Fd stop_event_;
  uint16_t port_ = 0;
  int backlog_ = 0;
  int back_off_ms_ = 0;
  std::atomic<bool> stopped_{false};
  int accepted_after_stop_ = 0;
};

}  // namespace crossover
