#include "servers/prefork_board.h"

#include <sys/eventfd.h>
#include <sys/mman.h>

#include <algorithm>
#include <new>

#include "base/error.h"
#include "base/shared_memory.h"

namespace crossover {

PreforkBoard::PreforkBoard(size_t slots)
    : size_(slots),
      slots_(static_cast<PreforkSlot*>(MapShared(slots * sizeof(PreforkSlot)))),
      shared_(MakeSharedWithForks<Shared>()),
      call_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (!call_) {
    ::munmap(slots_, size_ * sizeof(PreforkSlot));
    ThrowErrno("eventfd");
  }
}

PreforkBoard::~PreforkBoard() { ::munmap(slots_, size_ * sizeof(PreforkSlot)); }

PreforkSlot& PreforkBoard::Renew(size_t index) {
  PreforkSlot* const slot = new (slots_ + index) PreforkSlot;
  if (index >= shared_->slots_used.load(std::memory_order_relaxed)) {
    shared_->slots_used.store(index + 1, std::memory_order_release);
  }
  return *slot;
}

void PreforkBoard::CallParent() {
  if (!shared_->called.exchange(true)) eventfd_write(call_.get(), 1);
}

void PreforkBoard::TakeCall() {
  eventfd_t count = 0;
  eventfd_read(call_.get(), &count);
  shared_->called.exchange(false);  // and what was written before the call is seen
}

ServingProcesses PreforkBoard::Workers() const {
  ServingProcesses workers;
  const size_t used = shared_->slots_used.load(std::memory_order_acquire);
  for (size_t i = 0; i < used; ++i) {
    const pid_t pid = slots_[i].pid.load();
    if (pid > 0) workers.pids.push_back(pid);
  }
  // Last: one that is missing above is among these.
  workers.ended = shared_->ended.load();
  return workers;
}

}  // namespace crossover
