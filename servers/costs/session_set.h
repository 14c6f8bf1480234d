// SessionSet: sessions without sockets, each of which has answered a request before.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

#include "servers/counters.h"
#include "servers/http_session.h"

namespace crossover {

// Each session is used by one thread at a time; all threads run on one CPU.
class SessionSet {
 public:
  explicit SessionSet(size_t sessions);

  // As they take turns.
  const std::vector<uint32_t>& order() const { return order_; }
  // The session's work on kGet: it parses, handles and serialises.
  void Serve(size_t i);

 private:
  SessionContext context_;
  Counters::Shard counters_;
  std::vector<uint32_t> order_;
  std::deque<HttpSession> sessions_;
};

}  // namespace crossover
