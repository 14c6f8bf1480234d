// NullResponder: the cheapest HTTP server there can be. It is no contender: it shows what the load
// generator itself can do, and, stalling on a known schedule, whether its percentiles are true.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/fd.h"

namespace crossover {

// The responder does nothing from start + n x every until start + n x every + duration, for n = 1,
// 2, ...; what arrives meanwhile is answered at the stall's end. Requests that arrive evenly, or as
// a Poisson process, then wait for D - (1 - q) E at quantile q, if that is more than 0.
struct StallSchedule {
  int64_t every_ns = 0;  // 0: no stalls
  int64_t duration_ns = 0;

  // When the stall ends that `now_ns` is in; 0 if it is in none.
  int64_t EndNs(int64_t start_ns, int64_t now_ns) const;
  // When the next stall begins; INT64_MAX if there is none.
  int64_t NextNs(int64_t start_ns, int64_t now_ns) const;
};

// How many requests (headers without a body) end within the bytes of one connection.
class RequestEnds {
 public:
  size_t Count(std::string_view bytes);

 private:
  uint32_t last_ = 0;  // the last four bytes
};

// Answers every request on any path with the same 200 of ten bytes. One thread, one epoll instance;
// a receive and a send for each batch of requests.
class NullResponder {
 public:
  // Listens on 127.0.0.1 at `port`; 0: any free one. `busy_poll`: never sleeps, so that the time
  // that its CPU takes to wake up is in no latency. Throws std::system_error.
  explicit NullResponder(uint16_t port, StallSchedule stalls = {}, bool busy_poll = false);

  uint16_t port() const { return port_; }
  int64_t start_ns() const { return start_ns_; }
  // Serves until Stop. Once.
  void Run();
  // Any thread, or a signal handler.
  void Stop();
  // Once Run has returned.
  uint64_t requests() const { return requests_; }

 private:
  struct Connection {
    RequestEnds ends;
    size_t owed_bytes = 0;  // of responses that the socket would not take yet
    bool open = false;
  };

  void Accept();
  void Serve(int fd);
  void Answer(int fd);
  void Close(int fd);

  const StallSchedule stalls_;
  const bool busy_poll_;
  Fd listener_;
  Fd epoll_;
  Fd stop_;
  uint16_t port_ = 0;
  int64_t start_ns_ = 0;
  uint64_t requests_ = 0;
  std::vector<Connection> connections_;  // by descriptor
  std::vector<char> buffer_;
};

}  // namespace crossover
