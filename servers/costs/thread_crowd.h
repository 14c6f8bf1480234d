// ThreadCrowd: threads on the server's CPU, each blocked in read() of an eventfd of its own, and
// woken from another CPU. Each then computes for about as long as a request takes: else waking them
// would take longer than they run, and the CPU would go idle, which it doesn't in a server under
// load.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "base/fd.h"
#include "servers/costs/cost.h"
#include "servers/thread_set.h"

namespace crossover {

// The eventfds alone.
class EventfdSet {
 public:
  // Throws UsageError if there are not as many to be had.
  explicit EventfdSet(size_t n);

  size_t size() const { return eventfds_.size(); }
  // Whoever reads it goes on. Throws std::system_error.
  void Write(size_t i) const;
  void Read(size_t i) const;
  // CPU time of reading all of them in their order, none of which blocks. In nanoseconds.
  int64_t TimeReads() const;

 private:
  std::vector<Fd> eventfds_;
  std::vector<uint32_t> order_;
};

// One thread makes, wakes and ends them. The process has no others.
class ThreadCrowd {
 public:
  // Throws UsageError if there are not as many to be had.
  ThreadCrowd(const Placement& placement, size_t threads);
  ~ThreadCrowd();
  ThreadCrowd(const ThreadCrowd&) = delete;
  ThreadCrowd& operator=(const ThreadCrowd&) = delete;

  size_t size() const { return eventfds_.size(); }
  // CPU time of a read() of an eventfd that doesn't block: a median.
  double eventfd_read_ns() const { return eventfd_read_ns_; }

  struct Woken {
    size_t threads = 0;    // that have run
    int64_t work_ns = 0;   // that they computed
    bool ran_dry = false;  // next to none was awake meanwhile: the CPU went idle, or to others
  };
  // Wakes those that have been idle for the longest, until so many are awake, none of which goes on
  // before that.
  void Fill(size_t in_flight);
  // Keeps so many awake until so many more have run. Those awake at the end run on.
  Woken Wake(size_t wanted, size_t in_flight);

 private:
  void StartThreads();
  void Stop();
  void Live(size_t i);
  void TakeDone();
  void KeepAwake(size_t in_flight);
  void WakeNext();

  const EventfdSet eventfds_;
  double eventfd_read_ns_ = 0;
  std::atomic<bool> stopping_{false};
  std::atomic<bool> held_{false};
  std::deque<uint32_t> idle_;  // for the longest in front
  size_t in_flight_ = 0;

  // A ring in which threads leave how long they computed, in nanoseconds, and in the low 32 bits
  // their number, plus one.
  std::unique_ptr<std::atomic<uint64_t>[]> done_;
  std::atomic<size_t> done_tail_{0};
  size_t done_head_ = 0;
  std::vector<uint32_t> work_ns_;  // of those taken from it

  ThreadSet threads_;
};

}  // namespace crossover
