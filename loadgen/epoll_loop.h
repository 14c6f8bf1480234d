// EpollLoop: the engine. One thread, its connections, one epoll instance.
#pragma once

#include <cstddef>
#include <cstdint>
#include <ctime>
#include <memory>
#include <optional>
#include <vector>

#include "base/fd.h"
#include "loadgen/load_generator.h"
#include "loadgen/response_check.h"
#include "loadgen/run_state.h"
#include "loadgen/url.h"

namespace crossover {

// What one loop counted; merged when its thread has ended.
struct LoopTally {
  Ledger ledger;
  Fairness fairness;
  Histogram latency;
  Histogram connect;
  IntervalCounts intervals;
  ThreadCpu cpu;
  uint64_t sent_bytes = 0;
  uint64_t received_bytes = 0;
  uint64_t verified_fast = 0;
  uint64_t verified_full = 0;
};

// What every loop of a run is given. All of it outlives the loops.
struct LoopSetting {
  const LoadOptions& options;
  const SocketAddress& address;
  const Request& request;
  LearnedResponse& learned;
  RunState& state;
};

// A request costs one send and one recv, and its share of an epoll_wait: a recv that fills less
// than the buffer has drained the socket, and each connection is registered once, edge-triggered,
// for all events of its life. Nothing is allocated once the connections stand and responses equal
// the template.
class EpollLoop {
 public:
  // Throws std::system_error if the kernel has no epoll instance to give.
  EpollLoop(const LoopSetting& setting, size_t connections);

  // Runs until the phase is kStop, or the window has ended and nothing is outstanding, or no
  // connection is left; then closes every connection. On the loop's own thread. Throws nothing.
  void Run();
  // Makes the loop look at the state again. Any thread.
  void Wake();
  // Once Run has returned.
  const LoopTally& tally() const { return tally_; }

 private:
  enum class Stage : uint8_t { kConnect, kWarmUp, kWindow, kDrain };
  enum class ConnectionState : uint8_t { kUnused, kConnecting, kIdle, kAwaiting, kDead };
  // Small, since a client may hold a million: with the kernel's socket it is all that one costs.
  struct Connection {
    int64_t since_ns = 0;  // connect began, or request sent
    ResponseProgress progress;
    uint32_t unsent_bytes = 0;  // of the request, while the socket takes no more
    uint32_t window_requests = 0;
    int fd = -1;
    ConnectionState state = ConnectionState::kUnused;
    bool was_established = false;
    bool peer_closed = false;
    bool settled = false;  // no longer waited for in the connect phase
  };
  static_assert(sizeof(Connection) <= 64);
  struct CpuUsage {
    int64_t total_ns = 0;
    int64_t user_us = 0;
    int64_t system_us = 0;
  };

  // Connecting.
  void StartConnects();
  void StartConnect(uint32_t index);
  void OnConnectEvent(Connection& connection, uint32_t events);
  void FailConnect(Connection& connection, int error);
  void Settle(Connection& connection, bool served);
  void ReportConnected();

  // When: a connection that is due sends. Here: at once when its response is there.
  bool IsDue(int64_t now_ns) const;
  void BeginRun();
  void CrossEdges(int64_t now_ns);
  void CountInWindow(Connection& connection, int64_t done_ns);

  // I/O.
  void HandleEvent(uint32_t index, uint32_t events);
  void SendRequest(Connection& connection, int64_t now_ns);
  void SendRest(Connection& connection);
  void Receive(Connection& connection, uint32_t events);
  bool TakeBytes(Connection& connection, std::string_view bytes);
  bool Finish(Connection& connection, Verdict verdict);
  void Lose(Connection& connection, uint64_t& outcome);
  void Kill(Connection& connection);

  void LookAtState();
  void CheckTimeouts(int64_t now_ns);
  bool HasEnded() const;
  void End();
  static CpuUsage ReadCpuUsage();
  void CountCpu();

  const LoopSetting setting_;
  RunState& state_;
  const std::string_view request_;
  ResponseCheck check_;
  Fd epoll_;
  Fd wake_;
  std::vector<Connection> connections_;
  std::vector<char> buffer_;
  LoopTally tally_;

  Stage stage_ = Stage::kConnect;
  // The edge of the window that comes next: its start, or its end.
  const std::atomic<int64_t>* next_edge_ns_;
  size_t alive_ = 0;     // connecting or established
  size_t awaiting_ = 0;  // with a request outstanding
  CpuUsage cpu_at_start_;

  // Connect phase.
  size_t started_ = 0;
  size_t settled_ = 0;
  uint64_t served_ = 0;
  size_t in_flight_max_;
  int64_t last_settled_ns_ = 0;
  bool reported_ = false;

  int64_t check_period_ns_;
  int64_t next_check_ns_ = 0;
};

}  // namespace crossover
