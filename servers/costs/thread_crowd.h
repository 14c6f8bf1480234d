// ThreadCrowd: threads on the server's CPU, each blocked in read() of an eventfd of its own, and
// woken from another CPU.
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
  // CPU time of reading all of them in a scattered order, none of which blocks. In nanoseconds.
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

  // Until so many more have run, wakes those that have been idle for the longest, `in_flight` at a
  // time. Returns how many have run.
  size_t Wake(size_t wanted, size_t in_flight);
  // Returns when all are idle again.
  void Settle();

 private:
  void StartThreads();
  void Stop();
  void Live(size_t i);
  size_t TakeDone();
  void WakeNext();

  const EventfdSet eventfds_;
  double eventfd_read_ns_ = 0;
  std::atomic<bool> stopping_{false};
  std::deque<uint32_t> idle_;  // for the longest in front
  size_t in_flight_ = 0;

  // A ring in which threads leave their number, plus one, when they have run.
  std::unique_ptr<std::atomic<uint32_t>[]> done_;
  std::atomic<size_t> done_tail_{0};
  size_t done_head_ = 0;

  ThreadSet threads_;
};

}  // namespace crossover
