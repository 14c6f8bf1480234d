// ConnectionSet: loopback connections, accepted as the servers accept theirs, and served in rounds
// whose steps are timed apart.
#pragma once

#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "servers/connection.h"
#include "servers/costs/cost.h"
#include "servers/costs/peer.h"
#include "servers/costs/stage.h"
#include "servers/counters.h"
#include "servers/http_session.h"
#include "servers/listener.h"

namespace crossover {

// Requests that a round serves, if there are as many connections: what a server under load finds
// ready at a time. The next round's are sent meanwhile.
inline constexpr size_t kRoundRequests = 64;

inline constexpr std::string_view kGet =
    "GET / HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nUser-Agent: crossover/0.1\r\nAccept: */*\r\n\r\n";

// What a server's session answers to kGet.
std::string ResponseToGet();

// One thread, on the server's CPU.
class ConnectionSet {
 public:
  struct Round {
    size_t requests = 0;  // that were found ready, and were served
    int64_t wait_ns = 0;
    int64_t receive_ns = 0;
    int64_t send_ns = 0;
    int64_t request_ns = 0;  // receiving, the session and sending, if in turns; else 0
  };

  // Returns once all are connected and each was served once. Throws UsageError if there are not as
  // many to be had.
  ConnectionSet(const Placement& placement, size_t connections);
  ~ConnectionSet();
  ConnectionSet(const ConnectionSet&) = delete;
  ConnectionSet& operator=(const ConnectionSet&) = delete;

  size_t size() const { return connections_.size(); }
  int fd(size_t i) const { return connections_[i]->fd(); }
  int epoll_fd() const { return epoll_.get(); }
  Peer& peer() { return *peer_; }
  // How many requests a round of `wanted` can have.
  size_t RoundOf(size_t wanted) const { return std::min(wanted, size()); }
  // 0 to size() - 1, as they take turns.
  const std::vector<uint32_t>& order() const { return order_; }

  // Registers all connections with epoll_fd(), and ends who else serves them; or none of them.
  void Watch(bool on);
  // Who serves them in another way (servers/costs/request_server.h).
  Stage& servers() { return servers_; }
  // As Watch() registers one; `flags` are added to its events.
  void Register(int operation, size_t i, uint32_t flags = 0) const;

  // Spins until all requests that were allowed are there; waits for them, once; allows `next` more;
  // receives all, and sends all responses. `in_turns`: each is answered before the next one is
  // received, as servers do; receiving and sending are not told apart then.
  Round Serve(size_t next, bool in_turns = false);
  // Serves what is still under way.
  void Finish();
  // So many were served by who doesn't use Serve().
  void NoteServed(size_t requests) { served_ += requests; }

 private:
  static constexpr size_t kBatch = 512;  // events, as the servers' default

  void AcceptAll();
  void Receive(size_t i);
  void Received(size_t i);
  void Send(size_t i);
  void Sent(size_t i);

  SessionContext context_;
  Counters counters_;
  ConnectionTable table_;
  Listener listener_;
  std::unique_ptr<Peer> peer_;
  Fd epoll_;
  std::vector<uint32_t> order_;
  std::vector<std::unique_ptr<Connection>> connections_;
  std::array<epoll_event, kBatch> events_{};
  std::array<Connection*, kBatch> ready_{};
  std::array<std::span<char>, kBatch> buffers_{};
  std::array<ssize_t, kBatch> results_{};
  size_t served_ = 0;
  bool watched_ = false;
  Stage servers_;
};

}  // namespace crossover
