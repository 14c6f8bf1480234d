#include "servers/costs/thread_crowd.h"

#include <sys/eventfd.h>

#include <algorithm>
#include <array>
#include <exception>
#include <string>

#include "base/clock.h"
#include "base/error.h"
#include "base/open_files.h"
#include "servers/architecture.h"

namespace crossover {
namespace {

constexpr size_t kOtherDescriptors = 100;  // beside the eventfds
constexpr size_t kDry = 8;                 // of so many one is awake
constexpr int64_t kLookNs = 2 * kNsPerUs;
// By one thread, to know what the work takes.
constexpr size_t kAlone = 32;
constexpr size_t kAlonePasses = 9;

}  // namespace

EventfdSet::EventfdSet(size_t n) {
  const uint64_t needed = n + kOtherDescriptors;
  const OpenFilesLimit limit = RaiseOpenFilesLimit(needed);
  if (limit.soft < needed) {
    throw UsageError("needs " + std::to_string(needed) + " open files; the limit is " +
                     std::to_string(limit.soft) + " (ulimit -n)");
  }
  for (size_t i = 0; i < n; ++i) {
    if (!eventfds_.emplace_back(eventfd(0, EFD_CLOEXEC))) ThrowErrno("eventfd");
  }
}

void EventfdSet::Write(size_t i) const {
  if (eventfd_write(eventfds_[i].get(), 1) != 0) ThrowErrno("write of an eventfd");
}

void EventfdSet::Read(size_t i) const {
  eventfd_t value = 0;
  if (eventfd_read(eventfds_[i].get(), &value) != 0) ThrowErrno("read of an eventfd");
}

ThreadCrowd::ThreadCrowd(const Placement& placement, size_t threads)
    : eventfds_(threads),
      placement_(placement),
      alone_eventfds_(kAlone),
      done_(std::make_unique<std::atomic<uint32_t>[]>(threads)),
      threads_(ArchitectureOptions{}.stack_bytes) {
  RunOn(placement.server_cpu);
  StartThreads();
  // A thread's first run is another matter.
  RunOn(placement.client_cpu);
  Fill();
  Wake(threads);
}

ThreadCrowd::~ThreadCrowd() { Stop(); }

void ThreadCrowd::StartThreads() {
  for (size_t i = 0; i < size(); ++i) {
    if (threads_.Start([this, i] { Live(i); })) continue;
    Stop();
    throw UsageError("the system gives no more than " + std::to_string(i) +
                     " threads; see kernel.pid_max, kernel.threads-max, vm.max_map_count and the "
                     "limits on processes and memory");
  }
  for (const uint32_t i : TurnOrder(size())) idle_.push_back(i);
}

void ThreadCrowd::Stop() {
  stopping_.store(true);
  for (size_t i = 0; i < size(); ++i) eventfds_.Write(i);
  threads_.Join();
}

void ThreadCrowd::Live(size_t i) {
  while (true) {
    eventfds_.Read(i);
    while (held_.load(std::memory_order_relaxed)) {
    }
    if (stopping_.load(std::memory_order_relaxed)) return;
    try {
      connections_[i % connections_.size()].Ask();
    } catch (const std::exception&) {
      failed_.store(true);
    }
    const size_t at = done_tail_.fetch_add(1, std::memory_order_relaxed);
    done_[at % size()].store(static_cast<uint32_t>(i) + 1, std::memory_order_release);
  }
}

double ThreadCrowd::TimeWorkAlone() {
  while (idle_.size() < size()) TakeDone();
  RunOn(placement_.server_cpu);
  std::array<int64_t, kAlonePasses> passes{};
  for (int64_t& pass_ns : passes) {
    for (size_t i = 0; i < kAlone; ++i) alone_eventfds_.Write(i);
    const Stopwatch stopwatch;
    for (size_t i = 0; i < kAlone; ++i) {
      alone_eventfds_.Read(i);
      alone_connection_.Ask();
    }
    pass_ns = stopwatch.ElapsedNs();
  }
  auto* const middle = passes.begin() + passes.size() / 2;
  std::nth_element(passes.begin(), middle, passes.end());
  return static_cast<double>(*middle) / kAlone;
}

// Those that have run are idle again. Returns how many these are.
size_t ThreadCrowd::TakeDone() {
  for (size_t taken = 0;; ++taken) {
    auto& place = done_[done_head_ % size()];
    const uint32_t done = place.load(std::memory_order_acquire);
    if (done == 0) return taken;
    place.store(0, std::memory_order_relaxed);
    ++done_head_;
    idle_.push_back(done - 1);
  }
}

void ThreadCrowd::WakeIdle() {
  for (; !idle_.empty(); idle_.pop_front()) eventfds_.Write(idle_.front());
}

// Waking a thread of a CPU that is idle takes an interrupt, and longer than the thread runs: the
// CPU would be idle again by the next. Held ones keep it busy.
void ThreadCrowd::Fill() {
  held_.store(true, std::memory_order_relaxed);
  TakeDone();
  WakeIdle();
  held_.store(false, std::memory_order_relaxed);
}

ThreadCrowd::Woken ThreadCrowd::Wake(size_t wanted) {
  Woken woken;
  while (woken.threads < wanted) {
    // Looks at the ring now and then only: each look takes it from the server's CPU. To yield
    // would be to give the CPU away for a slice where others want it too.
    const int64_t next_look_ns = MonotonicNs() + kLookNs;
    while (MonotonicNs() < next_look_ns) {
    }
    WakeIdle();  // of the look before: those of this one may not have blocked yet
    woken.threads += TakeDone();
    woken.ran_dry = woken.ran_dry || (size() - idle_.size()) * kDry < size();
    if (failed_.load()) throw UsageError("a message over loopback failed");
  }
  return woken;
}

}  // namespace crossover
