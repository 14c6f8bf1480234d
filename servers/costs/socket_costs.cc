// What a request costs in system calls on its connection.
#include <sys/epoll.h>
#include <sys/socket.h>

#include <cerrno>

#include "base/error.h"
#include "servers/costs/connection_set.h"
#include "servers/costs/cost.h"
#include "servers/costs/stage.h"

namespace crossover {
namespace {

using Round = ConnectionSet::Round;

// How many connections the waits find ready that are measured.
constexpr size_t kReady[] = {1, 64, 512};
constexpr size_t kCallsTimed = 64;

// With the peer, and for each request, of a round that one wait is measured of.
constexpr double kHandShakeSeconds = 10e-6;
constexpr double kRequestSeconds = 10e-6;

ConnectionSet& Connections(const Placement& placement, size_t n) {
  auto& set = TheStage().Get<ConnectionSet>(n, placement);
  RunOn(placement.server_cpu);
  set.Watch(true);
  return set;
}

// Times one step of each request.
void TimeStep(benchmark::State& state, ConnectionSet& set, int64_t Round::*step_ns) {
  const bool in_turns = step_ns == &Round::request_ns;
  size_t items = 0;
  set.peer().Allow(set.size());
  for (auto _ : state) {
    const Round round = set.ServeClosed(ConnectionSet::kBatch, in_turns);
    state.SetIterationTime(Seconds(round.*step_ns));
    items += round.requests;
  }
  set.Finish();
  state.SetItemsProcessed(static_cast<int64_t>(items));
}

// Waits that found another number than `ready` don't count. `closed`: of all connections, which
// have a request under way; else of so many of which no other has.
void TimeWaits(benchmark::State& state, ConnectionSet& set, size_t ready, bool closed) {
  size_t items = 0;
  set.peer().Allow(closed ? set.size() : ready);
  for (auto _ : state) {
    const Round round = closed ? set.ServeClosed(ready) : set.Serve(ready);
    const bool counts = round.requests == ready;
    state.SetIterationTime(counts ? Seconds(round.wait_ns) : 0);
    items += counts ? 1 : 0;
  }
  set.Finish();
  state.SetItemsProcessed(static_cast<int64_t>(items));
}

template <typename Once>
void TimeInTurns(benchmark::State& state, const Placement& placement, ConnectionSet& set,
                 const Once& once) {
  Turns turns(set.order());
  TimeRepeated(state, placement, kCallsTimed, [&] { once(turns.Next()); });
}

void ReceiveNothing(const ConnectionSet& set, size_t i) {
  char byte = 0;
  if (recv(set.fd(i), &byte, 1, 0) >= 0 || errno != EAGAIN) ThrowErrno("recv of nothing");
}

void TimeRearm(benchmark::State& state, const Placement& placement, ConnectionSet& set) {
  TimeInTurns(state, placement, set,
              [&](size_t i) { set.Register(EPOLL_CTL_MOD, i, EPOLLONESHOT | EPOLLRDHUP); });
  for (size_t i = 0; i < set.size(); ++i) set.Register(EPOLL_CTL_MOD, i);
}

void TimeRegister(benchmark::State& state, const Placement& placement, ConnectionSet& set) {
  TimeInTurns(state, placement, set, [&](size_t i) {
    set.Register(EPOLL_CTL_DEL, i);
    set.Register(EPOLL_CTL_ADD, i);
  });
}

}  // namespace

std::vector<Cost> SocketCosts(const Placement& placement, size_t n) {
  std::vector<Cost> costs;
  const auto add = [&](std::string_view name, std::string_view words, size_t ready,
                       std::function<void(benchmark::State&, ConnectionSet&)> measure) {
    costs.push_back(
        {name, words, n, ready, [=, measure = std::move(measure)](benchmark::State& state) {
           measure(state, Connections(placement, n));
         }});
  };
  add("receive", "recv() of a request", 0, [](benchmark::State& state, ConnectionSet& set) {
    TimeStep(state, set, &Round::receive_ns);
  });
  add("send", "send() of its response", 0,
      [](benchmark::State& state, ConnectionSet& set) { TimeStep(state, set, &Round::send_ns); });
  add("request", "recv(), the session's work and send(), of each in its turn", 0,
      [](benchmark::State& state, ConnectionSet& set) {
        TimeStep(state, set, &Round::request_ns);
      });
  for (const size_t ready : kReady) {
    if (ready > n) continue;
    for (const bool closed : {false, true}) {
      add(closed ? "wait_closed" : "wait",
          closed ? "epoll_wait() that takes so many, all connections being ready"
                 : "epoll_wait() that finds so many ready",
          ready, [=](benchmark::State& state, ConnectionSet& set) {
            TimeWaits(state, set, ready, closed);
          });
      costs.back().iteration_seconds =
          kHandShakeSeconds + kRequestSeconds * static_cast<double>(ready);
    }
  }
  add("receive_empty", "recv() with nothing there", 0,
      [=](benchmark::State& state, ConnectionSet& set) {
        TimeInTurns(state, placement, set, [&](size_t i) { ReceiveNothing(set, i); });
      });
  add("rearm", "epoll_ctl(MOD) with EPOLLONESHOT", 0,
      [=](benchmark::State& state, ConnectionSet& set) { TimeRearm(state, placement, set); });
  add("register", "epoll_ctl(DEL) and epoll_ctl(ADD)", 0,
      [=](benchmark::State& state, ConnectionSet& set) { TimeRegister(state, placement, set); });
  return costs;
}

}  // namespace crossover
