// The ledger: every connection and every request of a run is in exactly one outcome.
#pragma once

#include <cstdint>

namespace crossover {

// What became of the requests, over the whole life of a run.
struct RequestLedger {
  uint64_t scheduled = 0;  // due, whatever came of it
  uint64_t verified = 0;   // answered with the right status, length and body
  uint64_t wrong_status = 0;
  uint64_t wrong_body = 0;
  uint64_t malformed = 0;  // not HTTP, or more bytes than the response has
  uint64_t truncated = 0;  // the peer closed before the response was whole
  uint64_t reset = 0;
  uint64_t timed_out = 0;
  uint64_t in_flight_at_end = 0;
  uint64_t shed = 0;  // so late that it was not sent (--shed-after)
  // Due, but its connection was not free again by the end (open schedules), or could not be made
  // anew.
  uint64_t unsent = 0;

  // No outcomes of their own.
  uint64_t verified_in_window = 0;  // of `verified`
  // Open schedules only: of `scheduled`, those that were due in the window; of these, `shed` and
  // `unsent`.
  uint64_t due_in_window = 0;
  uint64_t due_and_shed = 0;
  uint64_t due_and_unsent = 0;

  uint64_t outcomes() const { return verified + failed(); }
  uint64_t failed() const {
    return wrong_status + wrong_body + malformed + truncated + reset + timed_out +
           in_flight_at_end + shed + unsent;
  }
};

// What became of the connections.
struct ConnectionLedger {
  uint64_t asked = 0;
  uint64_t established = 0;
  uint64_t refused = 0;
  uint64_t timed_out = 0;
  uint64_t reset = 0;
  uint64_t no_port = 0;  // no local port was left
  uint64_t other = 0;    // any other error, or the run ended first

  // Of `established`: ended by the server while no request was outstanding (closed, reset, or
  // garbage sent), or not ended when it was to end it. What ended with a request outstanding is in
  // that request's outcome instead.
  uint64_t lost = 0;

  uint64_t not_established() const { return refused + timed_out + reset + no_port + other; }
  uint64_t errors() const { return not_established() + lost; }
  bool Closes() const { return asked == established + not_established() && lost <= established; }
  void Merge(const ConnectionLedger& from);
};

struct Ledger {
  RequestLedger requests;
  ConnectionLedger connections;    // the first of each
  ConnectionLedger reconnections;  // those that took the place of closed ones

  void Merge(const Ledger& other);
  // Whether every request and every connection is in exactly one outcome.
  bool Closes() const;
  // All that failed: requests, connections not established, connections lost.
  uint64_t errors() const {
    return requests.failed() + connections.errors() + reconnections.errors();
  }
};

}  // namespace crossover
