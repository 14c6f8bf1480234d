// What the session's work on a request costs, without I/O.
#include <cstring>
#include <deque>
#include <string>

#include "base/error.h"
#include "servers/architecture.h"
#include "servers/costs/connection_set.h"
#include "servers/costs/cost.h"
#include "servers/costs/stage.h"
#include "servers/fiber_context.h"
#include "servers/http_session.h"

namespace crossover {
namespace {

constexpr size_t kSessionsTimed = 64;

void ServeGet(HttpSession& session) {
  std::memcpy(session.ReadBuffer().data(), kGet.data(), kGet.size());
  session.Received(kGet.size());
  while (session.step() == HttpSession::Step::kWrite) {
    benchmark::DoNotOptimize(session.PendingOutput().data());
    session.Sent(session.PendingOutput().size());
  }
}

// Sessions that have each answered a request before, and answer in turns.
class SessionSet {
 public:
  explicit SessionSet(size_t n) : order_(TurnOrder(n)) {
    for (size_t i = 0; i < n; ++i) ServeGet(sessions_.emplace_back(context_, counters_));
  }
  void ServeNext() { ServeGet(sessions_[turns_.Next()]); }

 private:
  SessionContext context_;
  Counters::Shard counters_;
  std::vector<uint32_t> order_;
  Turns turns_{order_};
  std::deque<HttpSession> sessions_;
};

// The same, each on a stack of its own, as in a thread or a fibre of its own.
class StackSet {
 public:
  explicit StackSet(size_t n) : order_(TurnOrder(n)) {
    for (size_t i = 0; i < n; ++i) {
      auto stack = FiberStack::Map(ArchitectureOptions{}.stack_bytes);
      if (!stack) {
        Stop();
        throw UsageError("the system gives no memory for more than " + std::to_string(i) +
                         " stacks; see vm.max_map_count");
      }
      FiberContext& fiber = fibers_.emplace_back(std::move(*stack));
      fiber.Start([this, &fiber] {
        HttpSession session(context_, counters_);
        while (!stopping_) {
          ServeGet(session);
          fiber.Suspend();
        }
      });
      fiber.Resume();
    }
  }
  ~StackSet() { Stop(); }
  StackSet(const StackSet&) = delete;
  StackSet& operator=(const StackSet&) = delete;
  void ServeNext() { fibers_[turns_.Next()].Resume(); }

 private:
  void Stop() {
    stopping_ = true;
    for (FiberContext& fiber : fibers_) fiber.Resume();
  }

  SessionContext context_;
  Counters::Shard counters_;
  bool stopping_ = false;
  std::vector<uint32_t> order_;
  Turns turns_{order_};
  std::deque<FiberContext> fibers_;
};

template <typename Set>
Cost SessionCost(const Placement& placement, size_t n, std::string_view name,
                 std::string_view words) {
  return {name, words, n, 0, [=](benchmark::State& state) {
            auto& set = TheStage().Get<Set>(n);
            TimeRepeated(state, placement, kSessionsTimed, [&] { set.ServeNext(); });
          }};
}

}  // namespace

std::vector<Cost> SessionCosts(const Placement& placement, size_t n) {
  return {
      SessionCost<SessionSet>(placement, n, "session",
                              "the session's work on a GET: parse, handle, serialise"),
      SessionCost<StackSet>(placement, n, "session_own_stack",
                            "the same, each on a stack of its own, and switching to it and back")};
}

}  // namespace crossover
