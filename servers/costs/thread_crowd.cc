#include "servers/costs/thread_crowd.h"

#include <sys/eventfd.h>

#include <algorithm>
#include <array>
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
// Of what is left in the ring.
constexpr int kNumberBits = 32;

// About 10 us, and the same for all. By the clock on the wall, since a system call would be one
// more: a median tells those that were interrupted from those that weren't.
uint32_t TimeWork() {
  constexpr int kSteps = 8000;
  const int64_t begin_ns = MonotonicNs();
  uint64_t bits = 1;
  for (int i = 0; i < kSteps; ++i) bits = (bits ^ (bits >> 30)) * 0xbf58476d1ce4e5b9;
  benchmark::DoNotOptimize(bits);
  return static_cast<uint32_t>(MonotonicNs() - begin_ns);
}

// Of a read, by some passes through all eventfds.
double MedianReadNs(const EventfdSet& eventfds) {
  std::array<int64_t, 11> passes{};
  for (int64_t& pass_ns : passes) pass_ns = eventfds.TimeReads();
  auto* const middle = passes.begin() + passes.size() / 2;
  std::nth_element(passes.begin(), middle, passes.end());
  return static_cast<double>(*middle) / static_cast<double>(eventfds.size());
}

}  // namespace

EventfdSet::EventfdSet(size_t n) : order_(TurnOrder(n)) {
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

int64_t EventfdSet::TimeReads() const {
  for (size_t i = 0; i < size(); ++i) Write(i);
  const Stopwatch stopwatch;
  for (const uint32_t i : order_) Read(i);
  return stopwatch.ElapsedNs();
}

ThreadCrowd::ThreadCrowd(const Placement& placement, size_t threads)
    : eventfds_(threads),
      done_(std::make_unique<std::atomic<uint64_t>[]>(threads)),
      threads_(ArchitectureOptions{}.stack_bytes) {
  RunOn(placement.server_cpu);
  eventfd_read_ns_ = MedianReadNs(eventfds_);
  StartThreads();
  // A thread's first run is another matter.
  RunOn(placement.client_cpu);
  Fill(threads);
  Wake(threads, threads);
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
    const uint64_t done = (uint64_t{TimeWork()} << kNumberBits) | (i + 1);
    const size_t at = done_tail_.fetch_add(1, std::memory_order_relaxed);
    done_[at % size()].store(done, std::memory_order_release);
  }
}

// Those that have run are idle again.
void ThreadCrowd::TakeDone() {
  while (true) {
    auto& place = done_[done_head_ % size()];
    const uint64_t done = place.load(std::memory_order_acquire);
    if (done == 0) break;
    place.store(0, std::memory_order_relaxed);
    ++done_head_;
    idle_.push_back(static_cast<uint32_t>(done) - 1);
    work_ns_.push_back(static_cast<uint32_t>(done >> kNumberBits));
    --in_flight_;
  }
}

void ThreadCrowd::WakeNext() {
  eventfds_.Write(idle_.front());
  idle_.pop_front();
  ++in_flight_;
}

void ThreadCrowd::KeepAwake(size_t in_flight) {
  while (in_flight_ < in_flight) WakeNext();
}

// Waking a thread of a CPU that is idle takes an interrupt, and longer than the thread runs: the
// CPU would be idle again by the next. Held ones keep it busy.
void ThreadCrowd::Fill(size_t in_flight) {
  held_.store(true, std::memory_order_relaxed);
  TakeDone();
  KeepAwake(in_flight);
  held_.store(false, std::memory_order_relaxed);
}

ThreadCrowd::Woken ThreadCrowd::Wake(size_t wanted, size_t in_flight) {
  bool ran_dry = false;
  work_ns_.clear();
  while (work_ns_.size() < wanted) {
    // Looks at the ring now and then only: each look takes it from the server's CPU. To yield
    // would be to give the CPU away for a slice where others want it too.
    const int64_t next_look_ns = MonotonicNs() + kLookNs;
    while (MonotonicNs() < next_look_ns) {
    }
    TakeDone();
    ran_dry = ran_dry || in_flight_ * kDry < in_flight;
    KeepAwake(in_flight);
  }
  const size_t threads = work_ns_.size();
  const auto middle = work_ns_.begin() + static_cast<std::ptrdiff_t>(threads / 2);
  std::nth_element(work_ns_.begin(), middle, work_ns_.end());
  return {threads, static_cast<int64_t>(threads * *middle), ran_dry};
}

}  // namespace crossover
