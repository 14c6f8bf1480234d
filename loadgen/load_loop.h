// LoadLoop: one thread of the load generator, and its connections: what is sent when, and what
// became of it. How, is its engine's affair.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <vector>

#include "loadgen/engine.h"
#include "loadgen/load_generator.h"
#include "loadgen/loop_progress.h"
#include "loadgen/request_mix.h"
#include "loadgen/response_check.h"
#include "loadgen/run_state.h"
#include "loadgen/schedule.h"
#include "loadgen/timer_queue.h"

namespace crossover {

// What one loop counted; merged when its thread has ended.
struct LoopTally {
  Ledger ledger;
  Fairness fairness;
  Histogram latency;
  Histogram service;
  Histogram lag;
  Histogram connect;
  Histogram reconnect;
  std::vector<uint64_t> window_by_target;
  double under_way_ns = 0;  // time within the window that requests were under way, summed over them
  IntervalCounts intervals;
  std::vector<RequestTimes> trace;
  ThreadCpu cpu;
  uint64_t sent_bytes = 0;
  uint64_t received_bytes = 0;
  uint64_t verified_fast = 0;
  uint64_t verified_full = 0;
};

// What a loop tells while a run in slices goes on. It writes, its coordinator reads.
struct SliceProgress {
  static constexpr uint32_t kAll = std::numeric_limits<uint32_t>::max();
  std::atomic<uint64_t> verified{0};  // so far
  std::atomic<uint64_t> errors{0};    // likewise, as of the slice that was drained last
  std::atomic<uint32_t> drained{0};   // slices; kAll: the loop has ended
};

// What every loop of a run is given. All of it outlives the loops.
struct LoopSetting {
  const LoadOptions& options;
  const SocketAddress& address;
  const RequestMix& mix;
  const Schedule& schedule;
  EngineKind engine;
  size_t sources;                         // addresses that connections come from
  std::vector<LearnedResponse>& learned;  // one for each kind of request
  RunState& state;
  bool followed;  // somebody asks for progress
};

// Nothing is allocated once the connections stand and responses equal the template.
class LoadLoop : public EngineSink {
 public:
  // `first`: the number of its first connection, counted over all loops of the run. `active`: its
  // share of LoadOptions::active. Throws std::system_error if the kernel has no descriptors for its
  // engine.
  LoadLoop(const LoopSetting& setting, size_t first, size_t connections, size_t active);

  // Runs until the phase is kStop, or the window has ended and nothing is outstanding, or no
  // connection is left; then closes every connection. On the loop's own thread. Throws nothing.
  void Run();
  // Makes the loop look at the state again. Any thread.
  void Wake() { engine_->Wake(); }
  // Once Run has returned.
  const LoopTally& tally() const { return tally_; }
  // There only if the run is followed.
  LoopProgress* progress() const { return progress_.get(); }
  const SliceProgress& slices() const { return slices_; }

 private:
  enum class Stage : uint8_t { kConnect, kWarmUp, kWindow, kDrain };
  enum class ConnectionState : uint8_t {
    kUnused,
    kConnecting,
    kIdle,
    kAwaiting,
    kClosing,  // the server is to close it
    kClosed,   // made anew when its next request is due
    kDead,
  };
  // Small, since a client may hold a million: with the kernel's socket it is all that one costs.
  struct Connection {
    int64_t since_ns = 0;  // connect began, or request sent
    int64_t due_ns = 0;    // of the request outstanding, or else of the next
    double position = 0;   // of that request in an open schedule
    ResponseProgress progress;
    uint32_t number = 0;  // of that request
    uint32_t window_requests = 0;
    uint32_t sent_since_connect = 0;  // those of the connect phase not counted
    uint16_t kind = 0;                // of the request outstanding
    ConnectionState state = ConnectionState::kUnused;
    bool was_established = false;
    bool begun = false;    // has had its first due time
    bool settled = false;  // no longer waited for in the connect phase
    bool is_reconnection = false;
    bool due_is_counted = false;  // the request of due_ns has its outcome, or is outstanding
    bool asked = true;            // something was due in the window's first half, or outstanding
  };
  static_assert(sizeof(Connection) <= 64);
  struct CpuUsage {
    int64_t total_ns = 0;
    int64_t user_us = 0;
    int64_t system_us = 0;
    int64_t polling_ns = 0;
    std::optional<int64_t> waited_ns;
  };

  void OnConnected(uint32_t index, int error) override;
  void OnBytes(uint32_t index, std::string_view bytes, bool last) override;
  void OnEnd(uint32_t index, int error) override;
  void OnWake() override { CrossEdges(MonotonicNs()); }

  // Connecting.
  void StartConnects();
  int64_t ConnectWaitNs() const;
  ConnectionLedger& LedgerOf(const Connection& connection);
  void FailConnect(uint32_t index, int error);
  void Settle(Connection& connection, bool served);
  void ReportConnected();

  // When.
  void BeginRun();
  void CrossEdges(int64_t now_ns);
  bool SendsAt(int64_t due_ns) const;
  void SetFirstDue(uint32_t index);
  void SetNextDue(uint32_t index, int64_t done_ns);
  bool AwaitsItsTurn(uint32_t index) const;
  void Dispatch(uint32_t index, int64_t now_ns);
  void SendDue();
  void CountUnsent(uint32_t index, int64_t now_ns);
  bool IsWithinWindow(int64_t due_ns) const;
  void CountOffered(Connection& connection, uint64_t RequestLedger::*given_up = nullptr);
  int64_t WaitNs() const;

  // In slices.
  void LookAtSlices();
  void BeginSlice();
  void ReportDrained(uint32_t slices);

  // Few at a time.
  bool bounds_activity() const { return active_max_ > 0; }
  void Rest(uint32_t index);
  void Activate(int64_t now_ns);

  // What became of it.
  uint16_t NextKind(uint32_t index) const;
  void SendRequest(uint32_t index, int64_t now_ns);
  void Count(uint32_t index, Verdict verdict, int64_t done_ns);
  void Finish(uint32_t index, Verdict verdict, bool last);
  void CountInWindow(Connection& connection, int64_t done_ns);
  void RecordEach(uint32_t index, int64_t done_ns);
  void Trace(uint32_t index, int64_t done_ns);
  void Lose(uint32_t index, uint64_t& outcome);
  void EndInFlight(uint32_t index, uint64_t& outcome);
  void Kill(uint32_t index);

  // One connection after the other.
  bool EndsWith(const Connection& connection, bool keep_alive) const;
  void EndConnection(uint32_t index, int64_t done_ns);
  void OnClosed(uint32_t index);
  void Reconnect(uint32_t index, int64_t now_ns);
  void CountLeftOver(Connection& connection);

  // Pipelining.
  // While a request is under way or to be sent; a client that stands idle sleeps.
  bool polls() const { return setting_.options.busy_poll && (awaiting_ > 0 || !timers_.empty()); }
  bool pipelines() const { return setting_.options.pipeline > 1; }
  size_t InFlight(uint32_t index) const;
  void OnPipelinedBytes(uint32_t index, std::string_view bytes, bool last);
  void FillPipeline(uint32_t index, int64_t now_ns);
  void PushPipeline(uint32_t index, size_t count, int64_t now_ns);
  void PopPipeline(uint32_t index);

  void LookAtState();
  void PublishProgress(uint32_t asked);
  void CheckTimeouts(int64_t now_ns);
  bool HasEnded() const;
  void End();
  void AddUnderWay(int64_t since_ns, int64_t until_ns);
  void AddAllUnderWay(uint32_t index, int64_t until_ns);
  CpuUsage ReadCpuUsage() const;
  void CountCpu();

  const LoopSetting setting_;
  RunState& state_;
  const Schedule& schedule_;
  const size_t first_;
  std::vector<ResponseCheck> checks_;  // by kind of request
  std::unique_ptr<Engine> engine_;
  std::vector<Connection> connections_;
  TimerQueue timers_;
  std::vector<int64_t> first_byte_ns_;  // by connection, if there is a trace
  struct Pipeline {
    uint16_t oldest = 0;  // in its ring of times
    uint16_t count = 0;   // requests in flight
  };
  std::vector<Pipeline> pipelines_;        // by connection, if they pipeline
  std::vector<int64_t> pipeline_sent_ns_;  // rings of options.pipeline each
  std::string pipeline_bytes_;             // that many requests
  // Where few connections at a time are active: a ring of those that are not, the longest idle
  // first. Some in it may be dead.
  std::vector<uint32_t> idle_;
  size_t idle_first_ = 0;
  size_t idle_count_ = 0;
  size_t active_ = 0;  // connections with a request of the run outstanding
  const size_t active_max_;
  int64_t last_sent_ns_ = 0;
  bool worked_ = false;     // since the last Wait began: it has something to submit or has found it
  int64_t polling_ns_ = 0;  // in Waits that had neither
  LoopTally tally_;
  std::unique_ptr<LoopProgress> progress_;
  uint32_t progress_told_ = 0;  // of how often it was asked
  const bool records_each_;     // response, for a trace or for those who follow

  SliceProgress slices_;
  uint32_t slices_begun_ = 0;

  Stage stage_ = Stage::kConnect;
  // The edge of the window that comes next: its start, or its end.
  const std::atomic<int64_t>* next_edge_ns_;
  size_t alive_ = 0;     // connecting or established
  size_t awaiting_ = 0;  // requests outstanding
  size_t between_ = 0;   // connections that are being closed or made anew
  CpuUsage cpu_at_start_;

  // Connect phase.
  size_t started_ = 0;
  size_t settled_ = 0;
  uint64_t served_ = 0;
  size_t in_flight_max_;
  int64_t connect_gap_ns_ = 0;  // between two, if their rate is bounded
  int64_t next_connect_ns_ = 0;
  int64_t stalled_since_ns_ = 0;  // the last connection was settled, or more were let in flight
  bool reported_ = false;

  int64_t check_period_ns_;
  int64_t next_check_ns_ = 0;
};

}  // namespace crossover
