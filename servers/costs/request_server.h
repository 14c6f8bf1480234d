// RequestServer: serves the requests of a ConnectionSet in another way than the set itself does.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

#include "servers/costs/connection_set.h"
#include "servers/costs/stage.h"

namespace crossover {

// One thread, the set's.
class RequestServer {
 public:
  RequestServer(const RequestServer&) = delete;
  RequestServer& operator=(const RequestServer&) = delete;
  virtual ~RequestServer() = default;

  struct Round {
    size_t requests = 0;
    int64_t ns = 0;
  };
  // As ConnectionSet::Serve(), but that waiting, receiving and sending are not told apart, and that
  // some of `next` may be served already.
  Round Serve(size_t next);

 protected:
  explicit RequestServer(ConnectionSet& set) : set_(set) { set_.Watch(false); }
  // Each connection once; for the end of a constructor.
  void ServeAllOnce();

  // Serves some of what is there.
  virtual void Turn() = 0;

  ConnectionSet& set() const { return set_; }
  void NoteServed() { ++served_; }
  // Serve() throws it.
  void Fail(const std::string& why) { failure_ = why; }

 private:
  ConnectionSet& set_;
  const size_t allowed_before_ = set_.peer().allowed();
  size_t served_ = 0;
  std::string failure_;
};

// Measures requests that a Server(ConnectionSet&, connections) serves in a closed loop, in rounds
// of as many as there are connections.
template <typename Server>
void TimeRequests(benchmark::State& state, const Placement& placement, size_t connections) {
  auto& set = TheStage().Get<ConnectionSet>(connections, placement);
  RunOn(placement.server_cpu);
  auto& server = set.servers().Get<Server>(connections, std::ref(set));
  size_t items = 0;
  set.peer().Allow(connections);
  for (auto _ : state) {
    const RequestServer::Round round = server.Serve(connections);
    state.SetIterationTime(Seconds(round.ns));
    items += round.requests;
  }
  server.Serve(0);
  state.SetItemsProcessed(static_cast<int64_t>(items));
}

}  // namespace crossover
