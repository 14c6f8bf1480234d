// What a request costs by completions, as io-uring-per-core has it.
#include <fcntl.h>
#include <liburing.h>
#include <sys/socket.h>

#include <cerrno>
#include <string>

#include "base/error.h"
#include "servers/architecture.h"
#include "servers/costs/connection_set.h"
#include "servers/costs/cost.h"
#include "servers/costs/stage.h"
#include "servers/uring_ring.h"

namespace crossover {
namespace {

constexpr size_t kTimes = 256;
constexpr unsigned kEntriesPerCompletion = 2;

enum class Kind : uint64_t { kReceive, kSend, kIgnored };
constexpr unsigned kKindBits = 2;

uint64_t Tag(Kind kind, size_t i) {
  return (uint64_t{i} << kKindBits) | static_cast<uint64_t>(kind);
}

// Has the ring's connections receive for as long as it lives.
class UringServer {
 public:
  explicit UringServer(ConnectionSet& set)
      : set_(set), response_(ResponseToGet()), ring_(ArchitectureOptions{}.batch) {
    set_.Watch(false);
    SetBlocking(true);
    ring_.Enable();
    for (const uint32_t i : set_.order()) Receive(i);
    ring_.SubmitAndWait(0);
  }
  // A receive that is still under way would take what comes for whoever is next.
  ~UringServer() {
    stopping_ = true;
    for (const uint32_t i : set_.order()) {
      MakeRoom();
      ring_.Cancel(Tag(Kind::kReceive, i), Tag(Kind::kIgnored, 0));
    }
    while (receiving_ > 0) {
      ring_.SubmitAndWait(1);
      HandleCompletions();
    }
    ring_.Disable();
    SetBlocking(false);
  }
  UringServer(const UringServer&) = delete;
  UringServer& operator=(const UringServer&) = delete;

  struct Round {
    size_t requests = 0;
    int64_t ns = 0;
  };
  // Serves what was allowed before, and perhaps some of `next`.
  Round Serve(size_t next) {
    const size_t due = set_.peer().allowed();
    const size_t before = served_;
    set_.peer().AwaitSent();
    set_.peer().Allow(next);
    const Stopwatch stopwatch;
    while (allowed_before_ + served_ < due) {
      ring_.SubmitAndWait(1);
      HandleCompletions();
    }
    ring_.SubmitAndWait(0);
    const int64_t ns = stopwatch.ElapsedNs();
    if (error_ != 0) ThrowErrno("a completion", error_);
    set_.NoteServed(served_ - before);
    return {served_ - before, ns};
  }

 private:
  // io_uring takes O_NONBLOCK to mean that it shall fail with EAGAIN.
  void SetBlocking(bool blocking) const {
    for (size_t i = 0; i < set_.size(); ++i) {
      fcntl(set_.fd(i), F_SETFL, blocking ? 0 : O_NONBLOCK);
    }
  }

  void MakeRoom() {
    while (!ring_.HasRoom(kEntriesPerCompletion)) {
      ring_.SubmitAndWait(0);
      if (stopping_) HandleCompletions();
    }
  }

  void Receive(size_t i) {
    MakeRoom();
    ring_.Receive(set_.fd(i), Tag(Kind::kReceive, i));
    ++receiving_;
  }

  void HandleCompletions() {
    ring_.HandleCompletions(kEntriesPerCompletion,
                            [this](const io_uring_cqe& completion) { Handle(completion); });
  }

  void Handle(const io_uring_cqe& completion) {
    const size_t i = completion.user_data >> kKindBits;
    const auto kind = static_cast<Kind>(completion.user_data & ((1U << kKindBits) - 1));
    if (kind == Kind::kSend && completion.res < 0) error_ = -completion.res;
    if (kind != Kind::kReceive) return;
    benchmark::DoNotOptimize(ring_.Received(completion).data());
    ring_.GiveBack(completion);
    const bool more = (completion.flags & IORING_CQE_F_MORE) != 0;
    if (!more) --receiving_;
    if (stopping_) return;
    if (completion.res > 0) {
      io_uring_prep_send(ring_.NextEntry(Tag(Kind::kSend, i)), set_.fd(i), response_.data(),
                         response_.size(), MSG_NOSIGNAL | MSG_WAITALL);
      ++served_;
    } else if (completion.res != -ENOBUFS) {
      error_ = completion.res < 0 ? -completion.res : ECONNRESET;
      return;
    }
    if (!more) Receive(i);
  }

  ConnectionSet& set_;
  const size_t allowed_before_ = set_.peer().allowed();
  const std::string response_;
  UringRing ring_;
  size_t receiving_ = 0;  // connections with a receive under way
  size_t served_ = 0;
  int error_ = 0;
  bool stopping_ = false;
};

void TimeRequests(benchmark::State& state, ConnectionSet& set) {
  UringServer server(set);
  const size_t requests = set.RoundOf(kRoundRequests);
  size_t items = 0;
  set.peer().Allow(requests);
  for (auto _ : state) {
    const UringServer::Round round = server.Serve(requests);
    state.SetIterationTime(Seconds(round.ns));
    items += round.requests;
  }
  server.Serve(0);
  state.SetItemsProcessed(static_cast<int64_t>(items));
}

}  // namespace

std::vector<Cost> UringCosts(const Placement& placement) {
  return {
      {"uring_enter", "io_uring_enter() that submits nothing", 0, 0, [=](benchmark::State& state) {
         UringRing ring(ArchitectureOptions{}.batch);
         ring.Enable();
         TimeRepeated(state, placement, kTimes, [&] { ring.SubmitAndWait(0); });
         ring.Disable();
       }}};
}

std::vector<Cost> UringSocketCosts(const Placement& placement, size_t n) {
  return {{"uring_request", "receives a request and sends its response through io_uring", n, 0,
           [=](benchmark::State& state) {
             auto& set = TheStage().Get<ConnectionSet>(n, placement);
             RunOn(placement.server_cpu);
             TimeRequests(state, set);
           }}};
}

}  // namespace crossover
