#include "servers/prefork_parent.h"

#include <poll.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>

#include "base/clock.h"
#include "base/error.h"
#include "servers/prefork_worker.h"

namespace crossover {
namespace {

constexpr int64_t kBurstMax = 32;  // Apache's, as is the doubling
constexpr int64_t kForkBackOffFirstMs = 5;
constexpr int64_t kForkBackOffMaxMs = 1000;

int64_t NowMs() { return MonotonicNs() / kNsPerMs; }

// Interrupts what blocks, and does no more.
void Ignore(int /*signal*/) {}

Fd WatchChildren() {
  struct sigaction action {};
  action.sa_handler = &Ignore;  // and no SA_RESTART
  sigaction(kPreforkSignal, &action, nullptr);
  sigset_t interrupts;
  sigemptyset(&interrupts);
  sigaddset(&interrupts, kPreforkSignal);
  sigprocmask(SIG_UNBLOCK, &interrupts, nullptr);
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGCHLD);
  sigprocmask(SIG_BLOCK, &ends, nullptr);
  Fd ended(signalfd(-1, &ends, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!ended) ThrowErrno("signalfd");
  return ended;
}

}  // namespace

PreforkParent::PreforkParent(Listener& listener, Counters& counters, PreforkBoard& board)
    : listener_(listener),
      table_(listener.table()),
      counters_(counters),
      board_(board),
      self_(::getpid()),
      child_ended_(WatchChildren()) {}

void PreforkParent::Run() {
  while (!board_.shared().serving.load()) {
    pollfd call{board_.call_fd(), POLLIN, 0};
    ::poll(&call, 1, -1);
    board_.TakeCall();
  }
  while (!stopping_ || !slot_of_.empty()) {
    Wait();
    board_.TakeCall();
    Reap();
    // After the stop as long as some may wait whom no worker is free for.
    const bool drained = board_.shared().backlog_taken.load() || table_.cut_off();
    if (!stopping_ || !drained) KeepSpares();
    if (NowMs() >= sweeps_ms_) Sweep();
  }
}

// For a call, the end of a worker, the stop, or the time of the next sweep.
void PreforkParent::Wait() {
  int64_t until_ms = sweeps_ms_;
  if (forks_again_ms_ > NowMs()) until_ms = std::min(until_ms, forks_again_ms_);
  const auto timeout_ms = static_cast<int>(std::max<int64_t>(until_ms - NowMs(), 0));
  pollfd fds[3] = {{board_.call_fd(), POLLIN, 0},
                   {child_ended_.get(), POLLIN, 0},
                   {stopping_ ? -1 : listener_.stop_fd(), POLLIN, 0}};
  if (::poll(fds, 3, timeout_ms) < 0 && errno != EINTR) ThrowErrno("poll");
  if (!stopping_ && fds[2].revents != 0) NoteStop();
}

void PreforkParent::NoteStop() {
  stopping_ = true;
  // Whoever accepts from now on takes what waits, and finds out when it was the last. Those that
  // wait for a connection are interrupted.
  listener_.BlockInAccept(false);
  sweeps_ms_ = 0;
}

void PreforkParent::Reap() {
  signalfd_siginfo info;
  while (::read(child_ended_.get(), &info, sizeof info) > 0) {
  }
  int status = 0;
  for (pid_t pid = 0; (pid = ::waitpid(-1, &status, WNOHANG)) > 0;) {
    Bury(pid, !WIFEXITED(status) || WEXITSTATUS(status) != 0);
  }
}

void PreforkParent::Bury(pid_t pid, bool crashed) {
  const auto found = slot_of_.find(pid);
  if (found == slot_of_.end()) return;
  const size_t index = found->second;
  slot_of_.erase(found);
  workers_[index] = 0;
  free_.push_back(index);
  if (!crashed) return;
  counters_.thread_failures.fetch_add(1, std::memory_order_relaxed);
  BackOff();
  PreforkSlot& slot = board_[index];
  if (slot.since.load() != 0) {
    counters_.open.fetch_sub(1, std::memory_order_relaxed);
  } else {
    board_.shared().idle.fetch_sub(1);
  }
  if (slot.pid.exchange(0) != 0) board_.shared().ended.fetch_add(1);
}

void PreforkParent::KeepSpares() {
  while (slot_of_.size() < board_.size() && NowMs() >= forks_again_ms_) {
    if (IdleWorkers() >= kPreforkSpareMin) {
      burst_ = 1;
      return;
    }
    for (int64_t i = 0; i < burst_ && slot_of_.size() < board_.size(); ++i) {
      if (!Fork()) return;
    }
    burst_ = std::min(2 * burst_, kBurstMax);
  }
}

// False, and backed off, if the system has no process to give.
bool PreforkParent::Fork() {
  const size_t index = free_.empty() ? workers_.size() : free_.back();
  PreforkSlot& slot = board_.Renew(index);
  board_.shared().idle.fetch_add(1);
  const pid_t pid = ::fork();
  if (pid == 0) RunPreforkWorker(self_, listener_, board_, slot);
  if (pid < 0) {
    board_.shared().idle.fetch_sub(1);
    counters_.thread_failures.fetch_add(1, std::memory_order_relaxed);
    BackOff();
    return false;
  }
  if (free_.empty()) {
    workers_.push_back(pid);
  } else {
    workers_[index] = pid;
    free_.pop_back();
  }
  slot_of_.emplace(pid, index);
  return true;
}

// 5 ms, doubling to 1 s while it goes on.
void PreforkParent::BackOff() {
  const int64_t now_ms = NowMs();
  const bool goes_on = now_ms < forks_again_ms_ + kForkBackOffMaxMs;
  back_off_ms_ = goes_on ? std::clamp(2 * back_off_ms_, kForkBackOffFirstMs, kForkBackOffMaxMs)
                         : kForkBackOffFirstMs;
  forks_again_ms_ = now_ms + back_off_ms_;
}

int64_t PreforkParent::IdleWorkers() const {
  int64_t idle = 0;
  for (size_t i = 0; i < workers_.size(); ++i) {
    const PreforkSlot& slot = board_[i];
    const bool counts = workers_[i] != 0 && !slot.leaves.load(std::memory_order_relaxed);
    if (counts && slot.since.load(std::memory_order_relaxed) == 0) ++idle;
  }
  return idle;
}

// Interrupts whoever is to look up. One that was not blocked just then is met by the next sweep.
void PreforkParent::Sweep() {
  for (size_t i = 0; i < workers_.size(); ++i) {
    if (workers_[i] == 0) continue;
    const PreforkSlot& slot = board_[i];
    const int64_t since = slot.since.load(std::memory_order_relaxed);
    const bool leaves = stopping_ || slot.leaves.load(std::memory_order_relaxed);
    if (since == 0 ? leaves : table_.Overdue(since)) ::kill(workers_[i], kPreforkSignal);
  }
  if (!stopping_) LetGo(IdleWorkers());
  sweeps_ms_ = NowMs() + table_.sweep_interval_ms();
}

// Those without a connection that were too many at the last sweep as well: connections that come
// and go are not followed by workers that do.
void PreforkParent::LetGo(int64_t idle) {
  std::atomic<int64_t>& counted = board_.shared().idle;
  counted.fetch_add(idle - counted.load());  // what a crash may have left wrong
  int64_t surplus = std::min(idle, idle_before_) - kPreforkSpareMax;
  idle_before_ = idle;
  for (size_t i = workers_.size(); i-- > 0 && surplus > 0;) {
    PreforkSlot& slot = board_[i];
    if (workers_[i] == 0 || slot.leaves.load() || slot.since.load() != 0) continue;
    slot.leaves.store(true);
    counted.fetch_sub(1);
    ::kill(workers_[i], kPreforkSignal);
    --surplus;
  }
}

}  // namespace crossover
