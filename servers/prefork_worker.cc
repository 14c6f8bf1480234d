#include "servers/prefork_worker.h"

#include <poll.h>
#include <sys/prctl.h>
#include <unistd.h>

namespace crossover {
namespace {

void Serve(std::unique_ptr<Connection> connection, PreforkBoard& board, PreforkSlot& slot) {
  if (board.shared().idle.fetch_sub(1) <= kPreforkSpareMin) board.CallParent();
  connection->Run();
  connection.reset();
  slot.since.store(0, std::memory_order_relaxed);
  board.shared().idle.fetch_add(1);
}

// Until told to leave or, after the stop, nobody waits any more.
void AcceptAndServe(Listener& listener, PreforkBoard& board, PreforkSlot& slot) {
  using Kind = Listener::Accepted::Kind;
  while (!slot.leaves.load(std::memory_order_relaxed) && !listener.table().cut_off()) {
    Listener::Accepted accepted = listener.TryAccept(SocketMode::kBlocking);
    switch (accepted.kind) {
      case Kind::kConnection:
        Serve(std::move(accepted.connection), board, slot);
        break;
      case Kind::kNone:  // interrupted
        break;
      case Kind::kBackOff: {
        pollfd stop{listener.stop_fd(), POLLIN, 0};
        ::poll(&stop, 1, accepted.back_off_ms);
        break;
      }
      case Kind::kStopped:
        board.shared().backlog_taken.store(true);
        return;
    }
  }
}

}  // namespace

void RunPreforkWorker(pid_t parent, Listener& listener, PreforkBoard& board,
                      PreforkSlot& slot) noexcept {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() == parent) {  // it might have ended before that
    slot.pid.store(::getpid(), std::memory_order_relaxed);
    listener.table().PublishIn(slot.since);
    AcceptAndServe(listener, board, slot);
    board.shared().ended.fetch_add(1);  // first: see PreforkBoard::Workers()
    slot.pid.store(0);
  }
  ::_exit(0);
}

}  // namespace crossover
