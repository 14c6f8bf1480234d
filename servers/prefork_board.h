// PreforkBoard: what the processes of the prefork architecture know of each other, in memory that
// they share. Apache's "scoreboard".
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/fd.h"
#include "servers/architecture.h"

namespace crossover {

// One worker. A cache line each: workers write here at each request.
struct alignas(64) PreforkSlot {
  std::atomic<int64_t> since{0};    // its connection's (ConnectionTable::PublishIn); 0: none
  std::atomic<pid_t> pid{0};        // 0: there is none, or it is about to end
  std::atomic<bool> leaves{false};  // to end before its next connection
};

// Made before the first fork; any process, any thread.
class PreforkBoard {
 public:
  // Room for `slots` workers. Throws std::system_error.
  explicit PreforkBoard(size_t slots);
  ~PreforkBoard();
  PreforkBoard(const PreforkBoard&) = delete;
  PreforkBoard& operator=(const PreforkBoard&) = delete;

  size_t size() const { return size_; }
  // The slot, made new; by the parent, for a worker that it is about to fork.
  PreforkSlot& Renew(size_t index);
  PreforkSlot& operator[](size_t index) { return slots_[index]; }

  // Asks the parent to look at the board. A system call only if that isn't asked for already.
  void CallParent();
  int call_fd() const { return call_.get(); }  // readable once it is asked for
  // By the parent, before it looks.
  void TakeCall();

  // The pids on the board.
  ServingProcesses Workers() const;

  struct Shared {
    std::atomic<bool> serving{false};  // connections are to be accepted
    std::atomic<bool> called{false};
    // Workers without a connection. A crash may leave it wrong until the parent has counted anew.
    std::atomic<int64_t> idle{0};
    std::atomic<size_t> slots_used{0};  // those above were never in use
    std::atomic<uint64_t> ended{0};
    std::atomic<bool> backlog_taken{false};  // after the stop: nobody waits to be accepted
  };
  Shared& shared() { return *shared_; }

 private:
  const size_t size_;
  PreforkSlot* const slots_;
  const std::shared_ptr<Shared> shared_;
  Fd call_;
};

}  // namespace crossover
