// The load generator as a library: Run() loads one URL and tells what came of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "loadgen/engine.h"
#include "loadgen/histogram.h"
#include "loadgen/interval_counts.h"
#include "loadgen/ledger.h"
#include "loadgen/request_mix.h"
#include "loadgen/schedule.h"

namespace crossover {

inline constexpr int64_t kNeverShed = std::numeric_limits<int64_t>::max();

enum class Closer { kClient, kServer };

struct LoadOptions {
  std::string url;
  Method method = Method::kGet;
  size_t body_bytes = 0;        // of a POST
  std::vector<Target> targets;  // instead of the URL's path, `method` and `body_bytes`, if any
  size_t connections = 50;
  size_t threads = 1;
  EngineKind engine = EngineKind::kAuto;
  ScheduleOptions schedule;
  int64_t shed_after_ns = kNeverShed;  // a request that is later than that is not sent
  // Paced schedules: polls, and doesn't sleep, for so long before a request is due and after one is
  // sent. Takes a CPU, and the time out of the latency that a sleeping CPU needs to wake up.
  int64_t spin_ns = 0;
  // Polls, and doesn't sleep, as long as a request is under way or due. A response to a client that
  // sleeps has to wake it, and on loopback it is the server's CPU that does: 5 us and more for each
  // (docs/decisions/0014). Takes a CPU.
  bool busy_poll = false;
  bool trace = false;     // keep the times of each request
  std::vector<int> cpus;  // thread i runs on cpus[i % size]; empty: wherever it likes
  // A connection is closed after so many requests, that of the connect phase not counted, and made
  // anew when its next request is due; 0: it lives as long as the run.
  uint64_t requests_per_connection = 0;
  // kServer: the last request asks the server to close; and wherever the server announces with a
  // response that it closes, a new connection follows. Without a number, whenever it likes.
  Closer closer = Closer::kClient;
  size_t pipeline = 1;  // requests in flight on a connection; closed loop only
  // So many connections at a time have a request under way, and each response passes that on to the
  // connection that has been idle the longest; 0: all of them. Closed loop only.
  size_t active = 0;
  size_t connects_in_flight_max = 128;  // per thread: begun, and not yet served once
  double connect_rate = 0;              // connects begun per second, at most; 0: as fast as they go
  int64_t warmup_ns = kNsPerSecond;
  int64_t duration_ns = 5 * kNsPerSecond;  // of the window; unused if `requests` is given
  std::optional<uint64_t> requests;        // the window ends with that many verified responses
  int64_t connect_timeout_ns = 10 * kNsPerSecond;
  int64_t request_timeout_ns = 30 * kNsPerSecond;
  int64_t drain_timeout_ns = 5 * kNsPerSecond;
  int64_t interval_ns = 0;  // how often LoadControl::on_interval is called; 0: never

  bool reconnects() const { return requests_per_connection > 0 || closer == Closer::kServer; }
  // Whether a request may be sent later than it was due: paced, or waiting for its connection.
  bool times_apart() const { return schedule.open() || schedule.think_ns > 0 || reconnects(); }
};

// How unequally the connections were served: requests in the window per established connection.
struct Fairness {
  uint64_t connections = 0;
  uint64_t served = 0;  // of `connections`, at least once
  // Of `connections`: not served, and nothing was due on them in the first half of the window, or
  // outstanding then.
  uint64_t unasked = 0;
  uint64_t slowest_requests = 0;
  uint64_t fastest_requests = 0;
  double sum = 0;
  double sum_of_squares = 0;

  void Add(uint64_t requests, bool asked = true);
  void Merge(const Fairness& other);
  uint64_t starved() const { return connections - served - unasked; }
  // Jain's index: 1 if all are served alike, 1/n if one is served alone. 0 if none is.
  double jain_index() const;
};

struct ThreadCpu {
  double cpu_seconds = 0;  // in the window
  double user_seconds = 0;
  double system_seconds = 0;
  double polling_seconds = 0;             // of cpu_seconds, with LoadOptions::busy_poll: in vain
  double utilization = 0;                 // of one CPU, by the rest
  std::optional<double> waiting_seconds;  // for a CPU (run_queue_wait.h)
};

// One verified response of the run, CLOCK_MONOTONIC.
struct RequestTimes {
  uint64_t connection = 0;  // counted over all threads
  int64_t due_ns = 0;
  int64_t sent_ns = 0;
  int64_t first_byte_ns = 0;
  int64_t done_ns = 0;
};

struct LoadResult {
  LoadOptions options;
  std::string address;  // the resolved one: 127.0.0.1:80
  EngineChoice engine;
  int64_t window_start_ns = 0;
  int64_t window_end_ns = 0;
  double connect_seconds = 0;  // from the first connect to the end of the connect phase
  Ledger ledger;
  Fairness fairness;
  // Of responses that were verified in the window; of an open schedule: that were due in it.
  Histogram latency;    // from when the request was due
  Histogram service;    // from when it was sent; empty where that can only be when it was due
  Histogram lag;        // from due to sent; likewise
  Histogram connect;    // start of connect() to established, of each connection's first
  Histogram reconnect;  // likewise, of those that took the place of closed ones
  std::vector<uint64_t> window_by_target;  // of ledger.requests.verified_in_window
  double under_way_ns = 0;  // time within the window that requests were under way, summed over them
  std::vector<Interval> intervals;
  std::vector<RequestTimes> trace;  // by thread, then by done_ns; empty unless asked for
  std::vector<ThreadCpu> threads;
  uint64_t sent_bytes = 0;
  uint64_t received_bytes = 0;
  uint64_t verified_fast = 0;
  uint64_t verified_full = 0;
  bool stopped_early = false;  // by a signal, or because no connection was left

  double window_seconds() const;
  double throughput_rps() const;  // 0 if the window is empty
  // Sent and not yet answered, averaged over the time of the window. 0 if the window is empty.
  double requests_under_way() const;
  double client_cpu_seconds() const;      // without polling_seconds
  double client_polling_seconds() const;  // of all threads
  // Of one CPU: by the threads on the busiest of options.cpus; where threads run where they like,
  // by the busiest thread.
  double busiest_utilization() const;
  double utilization_of_cpu(int cpu) const;  // one of options.cpus, by the threads on it
  // Every request verified, every connection established, kept and served in the window.
  bool flawless() const { return ledger.errors() == 0 && fairness.starved() == 0; }
};

// A run in slices is loaded when its caller says so, and all its connections stand idle in between.
struct SliceOrder {
  int64_t settle_ns = 0;    // from its begin to kSliceSettled; less than duration_ns
  int64_t duration_ns = 0;  // from its begin to kSliceOver
  int64_t tail_ns = 0;      // the load goes on for so long after at most, while others read their
                            // counters: see LoadControl::await_drain
};

struct LoadEvent {
  enum class Kind {
    kConnected,
    kWarming,
    kMeasuring,
    kMeasured,
    kSliceSettled,
    kSliceOver,
    kSliceDrained,  // nothing is in flight
  };
  Kind kind = Kind::kConnected;
  int64_t time_ns = 0;
  // With kConnected.
  uint64_t established = 0;
  uint64_t served = 0;
  double connect_seconds = 0;
  // With those of slices, of the run up to time_ns. The errors are known with kSliceDrained only.
  uint64_t verified = 0;
  uint64_t errors = 0;
};

// What was done since the interval before it, told while the run goes on. Each thread ends it when
// it is done with what it was just doing, so that its edges are blurred by as much: nothing is
// counted twice or left out, but it is for looking at, and LoadResult for reporting.
struct LoadInterval {
  enum class Phase { kConnect, kWarmUp, kWindow, kDrain };
  Phase phase = Phase::kConnect;
  int64_t time_ns = 0;     // its end, CLOCK_MONOTONIC
  double seconds = 0;      // its length; the last one of a phase is shorter
  uint64_t verified = 0;   // within it
  uint64_t errors = 0;     // within it
  uint64_t in_flight = 0;  // requests outstanding at its end
  Histogram latency;       // of the verified, from when they were due; of none while connecting
  Ledger ledger;           // of the run up to its end

  double throughput_rps() const;  // 0 if it is empty
};

// How the caller follows and steers a run. All of it is optional, and is called on Run's thread.
struct LoadControl {
  // Told at each step of the run.
  std::function<void(const LoadEvent&)> on_event;
  // Called every LoadOptions::interval_ns, and at the end of each phase for the rest of it; the
  // time for which may_begin blocks is in no interval. The load's threads pay for it with a count
  // for each response, and go on however long it takes.
  std::function<void(const LoadInterval&)> on_interval;
  // Called when all connections stand idle, after kConnected; may block. False gives the run up.
  std::function<bool()> may_begin;
  // If there is one, the run is in slices: called whenever all connections stand idle; may block.
  // nullopt ends the run. There is no warm-up then, and the window spans all slices with the pauses
  // in between. For a closed loop without think times, of connections that live as long as the run.
  std::function<std::optional<SliceOrder>()> next_slice;
  // If there is one: called after each kSliceOver; true as soon as the load may end, and false if
  // it is to go on to the deadline, the end of the slice's tail. It blocks until then at most, and
  // not beyond the moment at which stop_fd becomes readable. That no connection is left is seen
  // after it.
  std::function<bool(int64_t deadline_ns)> await_drain;
  // Becomes readable (and stays so) when the run is to stop early. Not owned.
  int stop_fd = -1;
};

// Connects, serves each connection once, warms up, measures, drains, closes. Blocks until all of it
// is done and its threads have ended. Whatever a server does is an outcome in the result. Throws
// UsageError for options that make no sense or don't fit the machine, std::system_error if the
// machine refuses a thread or a descriptor. Any thread; its affinity is restored at the end.
LoadResult Run(const LoadOptions& options, const LoadControl& control = {});

}  // namespace crossover
