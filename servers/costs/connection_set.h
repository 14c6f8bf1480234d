// ConnectionSet: loopback connections, accepted as the servers accept theirs, and served in rounds
// whose steps are timed apart.
#pragma once

#include <sys/epoll.h>

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

inline constexpr std::string_view kGet =
    "GET / HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nUser-Agent: crossover/0.1\r\nAccept: */*\r\n\r\n";

// What a server's session answers to kGet.
std::string ResponseToGet();

// One thread, on the server's CPU.
class ConnectionSet {
 public:
  static constexpr size_t kBatch = 512;  // events, as the servers' default

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
  Connection& connection(size_t i) { return *connections_[i]; }
  int epoll_fd() const { return epoll_.get(); }
  Peer& peer() { return *peer_; }
  // 0 to size() - 1, as they take turns.
  const std::vector<uint32_t>& order() const { return order_; }

  // Registers all connections with epoll_fd(), and ends who else serves them; or none of them.
  void Watch(bool on);
  // Who serves them in another way (servers/costs/request_server.h).
  Stage& servers() { return servers_; }
  // As Watch() registers one; `flags` are added to its events.
  void Register(int operation, size_t i, uint32_t flags = 0) const;

  // Spins until all requests that were allowed are there; waits for them, once; allows `next` more;
  // receives all, and sends all responses.
  Round Serve(size_t next);
  // A round of a closed loop, which Peer::Allow(size()) begins: spins until `most` connections have
  // asked, or all; takes as many, at once; allows as many more. `in_turns`: each is answered before
  // the next one is received, as servers do; receiving and sending are not told apart then.
  Round ServeClosed(size_t most = kBatch, bool in_turns = false);
  // Serves what is still under way.
  void Finish();
  // So many were served by who doesn't use Serve().
  void NoteServed(size_t requests) { served_ += requests; }

 private:
  void AcceptAll();
  size_t Wait(size_t most);
  void AnswerAll(Round& round);
  void AnswerInTurns(Round& round);
  void Prepare(size_t i);
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
