// ThreadCrowd: threads on the server's CPU, each blocked in read() of an eventfd of its own, and
// woken from another CPU. Each then passes a message over loopback, as a server's thread does: else
// waking them would take longer than they run, and the CPU would go idle, which it doesn't in a
// server under load; and a thread whose kernel stack and caches are cold would not show that.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "base/fd.h"
#include "base/loopback_connection.h"
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

 private:
  std::vector<Fd> eventfds_;
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

  // CPU time of what a woken thread does, where one thread does it again and again: a read() that
  // doesn't block, and the message. In nanoseconds. None is awake meanwhile. Leaves the calling
  // thread on the server's CPU.
  double TimeWorkAlone();

  struct Woken {
    size_t threads = 0;    // that have run
    bool ran_dry = false;  // next to none was awake meanwhile: the CPU went idle, or to others
  };
  // Wakes all that are idle, none of which goes on before all are awake.
  void Fill();
  // Wakes each as soon as it has run, until so many more have. Those awake at the end run on.
  // Throws UsageError if a message failed.
  Woken Wake(size_t wanted);

 private:
  void StartThreads();
  void Stop();
  void Live(size_t i);
  size_t TakeDone();
  void WakeIdle();

  const EventfdSet eventfds_;
  // More than one, or they would queue up behind one that was preempted with it in hand.
  const std::array<LoopbackConnection, 16> connections_;
  const Placement placement_;
  const EventfdSet alone_eventfds_;
  const LoopbackConnection alone_connection_;
  std::atomic<bool> stopping_{false};
  std::atomic<bool> held_{false};
  std::atomic<bool> failed_{false};
  std::deque<uint32_t> idle_;  // for the longest in front

  // A ring in which threads leave their number, plus one, once they have run.
  std::unique_ptr<std::atomic<uint32_t>[]> done_;
  std::atomic<size_t> done_tail_{0};
  size_t done_head_ = 0;

  ThreadSet threads_;
};

}  // namespace crossover
