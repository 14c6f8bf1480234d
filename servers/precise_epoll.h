// PreciseEpoll: an epoll instance whose waits end at a deadline in nanoseconds, where epoll_wait
// has milliseconds. For architectures with timers of their own.
#pragma once

#include <sys/epoll.h>

#include <cstdint>
#include <span>

#include "base/fd.h"
#include "servers/epoll_events.h"

namespace crossover {

// Any thread.
class PreciseEpoll {
 public:
  // Throws UsageError where there is no epoll_pwait2 (before Linux 5.11), std::system_error when
  // descriptors have run out.
  PreciseEpoll();

  // False if the kernel has no memory for it. `fd` leaves by being closed.
  bool Add(int fd, uint32_t events, void* data);
  // For other events. What is ready by then is reported.
  void Arm(int fd, uint32_t events, void* data);
  void Remove(int fd);

  // Waits for events until `deadline_ns` of CLOCK_MONOTONIC (kNever: without end; 0: not at all),
  // never less. Spins for `busy_poll_ns` before it blocks. Puts them into `room`, and returns
  // those; none at the deadline, or if a signal came.
  std::span<const epoll_event> Wait(std::span<epoll_event> room, int64_t deadline_ns,
                                    int64_t busy_poll_ns);

 private:
  Fd epoll_;
};

}  // namespace crossover
