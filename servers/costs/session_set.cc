#include "servers/costs/session_set.h"

#include <benchmark/benchmark.h>

#include <cstring>

#include "servers/costs/connection_set.h"
#include "servers/costs/cost.h"

namespace crossover {

SessionSet::SessionSet(size_t sessions) : order_(TurnOrder(sessions)) {
  for (size_t i = 0; i < sessions; ++i) {
    sessions_.emplace_back(context_, counters_);
    Serve(i);
  }
}

void SessionSet::Serve(size_t i) {
  HttpSession& session = sessions_[i];
  std::memcpy(session.ReadBuffer().data(), kGet.data(), kGet.size());
  session.Received(kGet.size());
  while (session.step() == HttpSession::Step::kWrite) {
    benchmark::DoNotOptimize(session.PendingOutput().data());
    session.Sent(session.PendingOutput().size());
  }
}

}  // namespace crossover
