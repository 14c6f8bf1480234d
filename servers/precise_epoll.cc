#include "servers/precise_epoll.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <string>

#include "base/check.h"
#include "base/clock.h"
#include "base/error.h"
#include "servers/sanitizers.h"
#include "servers/timer_queue.h"

namespace crossover {
namespace {

// What one thread wrote before it added a descriptor, another may read after an event of it. The
// kernel's locks see to that; ThreadSanitizer 14 knows epoll_wait, but not epoll_pwait2.
void TellRelease([[maybe_unused]] void* address) {
#ifdef CROSSOVER_TSAN
  __tsan_release(address);
#endif
}
void TellAcquire([[maybe_unused]] void* address) {
#ifdef CROSSOVER_TSAN
  __tsan_acquire(address);
#endif
}

// As epoll_pwait2; `timeout` null: no end.
int WaitOnce(int epoll, std::span<epoll_event> room, const timespec* timeout) {
  return epoll_pwait2(epoll, room.data(), static_cast<int>(room.size()), timeout, nullptr);
}

constexpr timespec kNotAtAll{.tv_sec = 0, .tv_nsec = 0};

}  // namespace

PreciseEpoll::PreciseEpoll() : epoll_(epoll_create1(EPOLL_CLOEXEC)) {
  if (!epoll_) ThrowErrno("epoll_create1");
  epoll_event none{};
  if (WaitOnce(epoll_.get(), {&none, 1}, &kNotAtAll) < 0) {
    throw UsageError(
        "--architecture: this one needs epoll_pwait2, of Linux 5.11 or later, which "
        "fails here: " +
        std::string(std::strerror(errno)) + "; choose another");
  }
}

bool PreciseEpoll::Add(int fd, uint32_t events, void* data) {
  TellRelease(&epoll_);
  epoll_event event{.events = events, .data = {.ptr = data}};
  return epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) == 0;
}

void PreciseEpoll::Arm(int fd, uint32_t events, void* data) {
  TellRelease(&epoll_);
  epoll_event event{.events = events, .data = {.ptr = data}};
  CHECK(epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event) == 0);
}

void PreciseEpoll::Remove(int fd) {
  CHECK(epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr) == 0);
}

std::span<const epoll_event> PreciseEpoll::Wait(std::span<epoll_event> room, int64_t deadline_ns,
                                                int64_t busy_poll_ns) {
  int ready = 0;
  if (busy_poll_ns > 0 && deadline_ns > 0) {
    const int64_t end_ns = std::min(MonotonicNs() + busy_poll_ns, deadline_ns);
    while ((ready = WaitOnce(epoll_.get(), room, &kNotAtAll)) == 0 && MonotonicNs() < end_ns) {
    }
  }
  if (ready == 0 && deadline_ns == TimerQueue::kNever) {
    ready = WaitOnce(epoll_.get(), room, nullptr);
  } else if (ready == 0) {
    const int64_t left_ns = deadline_ns > 0 ? std::max<int64_t>(0, deadline_ns - MonotonicNs()) : 0;
    const timespec left{.tv_sec = left_ns / kNsPerSecond, .tv_nsec = left_ns % kNsPerSecond};
    ready = WaitOnce(epoll_.get(), room, &left);
  }
  CHECK(ready >= 0 || errno == EINTR);
  TellAcquire(&epoll_);
  return room.first(static_cast<size_t>(std::max(0, ready)));
}

}  // namespace crossover
