// What a request costs by completions, as io-uring-per-core has it.
#include <fcntl.h>
#include <liburing.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <deque>
#include <span>
#include <string>

#include "servers/architecture.h"
#include "servers/costs/cost.h"
#include "servers/costs/request_server.h"
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
class UringServer final : public RequestServer {
 public:
  UringServer(ConnectionSet& set, size_t connections)
      : RequestServer(set), ring_(ArchitectureOptions{}.batch) {
    SetBlocking(true);
    ring_.Enable();
    for (size_t i = 0; i < connections; ++i) Receive(i);
    ServeAllOnce();
  }
  // A receive that is still under way would take what comes for whoever is next.
  ~UringServer() override {
    stopping_ = true;
    for (size_t i = 0; i < set().size(); ++i) {
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

 protected:
  void Turn() override {
    ring_.SubmitAndWait(1);
    HandleCompletions();
  }

 private:
  // io_uring takes O_NONBLOCK to mean that it shall fail with EAGAIN.
  void SetBlocking(bool blocking) const {
    for (size_t i = 0; i < set().size(); ++i) {
      fcntl(set().fd(i), F_SETFL, blocking ? 0 : O_NONBLOCK);
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
    ring_.Receive(set().fd(i), Tag(Kind::kReceive, i));
    ++receiving_;
  }

  void HandleCompletions() {
    ring_.HandleCompletions(kEntriesPerCompletion,
                            [this](const io_uring_cqe& completion) { Handle(completion); });
  }

  void Handle(const io_uring_cqe& completion) {
    const size_t i = completion.user_data >> kKindBits;
    const auto kind = static_cast<Kind>(completion.user_data & ((1U << kKindBits) - 1));
    if (kind == Kind::kSend) {
      if (completion.res < 0) return Refuse("send", completion.res);
      set().connection(i).WriteDone(completion.res);
      if (set().connection(i).Next() != HttpSession::Step::kRead) Fail("half a response");
      NoteServed();
    }
    if (kind != Kind::kReceive) return;
    const bool fed = completion.res > 0 && Feed(set().connection(i), ring_.Received(completion));
    ring_.GiveBack(completion);
    const bool more = (completion.flags & IORING_CQE_F_MORE) != 0;
    if (!more) --receiving_;
    if (stopping_) return;
    if (completion.res == -ENOBUFS) return starved_.push_back(i);
    if (completion.res <= 0) return Refuse("receive", completion.res);
    if (!starved_.empty()) {  // there is a buffer now
      Receive(starved_.front());
      starved_.pop_front();
    }
    if (fed) {
      const std::span<const char> output = set().connection(i).PendingOutput();
      io_uring_prep_send(ring_.NextEntry(Tag(Kind::kSend, i)), set().fd(i), output.data(),
                         output.size(), MSG_NOSIGNAL | MSG_WAITALL);
    }
    if (!more) Receive(i);
  }

  // False: it was not a request, whole and when one was due.
  bool Feed(Connection& connection, std::span<const char> bytes) {
    const bool due = connection.Next() == HttpSession::Step::kRead;
    const std::span<char> room = due ? connection.ReadBuffer() : std::span<char>();
    if (bytes.size() <= room.size()) {
      std::memcpy(room.data(), bytes.data(), bytes.size());
      connection.ReadDone(static_cast<ssize_t>(bytes.size()));
      if (connection.Next() == HttpSession::Step::kWrite) return true;
    }
    Fail("not one request");
    return false;
  }

  void Refuse(const char* what, int result) {
    Fail(std::string("io_uring: ") + what + ": " + std::strerror(-result));
  }

  UringRing ring_;
  size_t receiving_ = 0;        // connections with a receive under way
  std::deque<size_t> starved_;  // those whose receive ended for want of a buffer
  bool stopping_ = false;
};

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
  return {{"uring_request", "receives, answers and sends a request's response through io_uring", n,
           0, [=](benchmark::State& state) { TimeRequests<UringServer>(state, placement, n); }}};
}

}  // namespace crossover
