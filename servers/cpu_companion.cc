#include "servers/cpu_companion.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <string>

#include "base/check.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/percent.h"

namespace crossover {
namespace {

// Spins of 3 % are 120 us then, and a slice of a duet has some twenty of them.
constexpr int64_t kPeriodNs = 4 * kNsPerMs;

// `server_clock`: its process's. `within`: the companion's time is in there.
void Accompany(double share, clockid_t server_clock, bool within, const std::atomic<bool>& stop) {
  sched_param priority{.sched_priority = 1};
  sched_setscheduler(0, SCHED_FIFO, &priority);  // as well as it may
  CompanionBudget budget(share);
  const timespec period{.tv_sec = 0, .tv_nsec = kPeriodNs};
  while (!stop.load(std::memory_order_relaxed)) {
    clock_nanosleep(CLOCK_MONOTONIC, 0, &period, nullptr);
    const int64_t own_ns = ThreadCpuNs();
    const int64_t server_ns = ReadClockNs(server_clock) - (within ? own_ns : 0);
    const int64_t end_ns = own_ns + budget.DueNs(server_ns, own_ns);
    while (ThreadCpuNs() < end_ns) {
    }
  }
}

// No signal is for the companion, nor for its thread.
class AllSignalsBlocked {
 public:
  AllSignalsBlocked() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~AllSignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_{};
};

}  // namespace

CompanionOptions ParseCompanion(std::string_view text) {
  constexpr std::string_view kApart = ",apart";
  const bool apart = text.ends_with(kApart);
  const std::string_view share = text.substr(0, text.size() - (apart ? kApart.size() : 0));
  return {.share = ParsePercent(share, 100, "--companion"), .apart = apart};
}

int64_t CompanionBudget::DueNs(int64_t server_ns, int64_t own_ns) {
  const int64_t served_ns = server_ns - server_ns_;
  const int64_t took_ns = served_ns == 0 ? due_ns_ : own_ns - own_ns_;
  server_ns_ = server_ns;
  own_ns_ = own_ns;
  owed_ns_ += share_ * static_cast<double>(served_ns) - static_cast<double>(took_ns);
  due_ns_ = served_ns == 0 ? 0 : std::max(int64_t{0}, static_cast<int64_t>(owed_ns_));
  return due_ns_;
}

CpuCompanion::CpuCompanion(const CompanionOptions& options) {
  const AllSignalsBlocked blocked;
  if (!options.apart) {
    thread_ = std::thread(
        [this, share = options.share] { Accompany(share, CLOCK_PROCESS_CPUTIME_ID, true, stop_); });
    return;
  }
  clockid_t server_clock{};
  const pid_t server = getpid();
  CHECK(clock_getcpuclockid(server, &server_clock) == 0);
  child_ = fork();
  if (child_ < 0) ThrowErrno("fork");
  if (child_ > 0) return;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  close_range(0, ~0U, 0);  // whoever waits for the server's output to end waits for the server
  if (getppid() == server) Accompany(options.share, server_clock, false, stop_);
  _exit(0);
}

CpuCompanion::~CpuCompanion() {
  stop_ = true;
  if (thread_.joinable()) thread_.join();
  if (child_ <= 0) return;
  kill(child_, SIGKILL);
  waitpid(child_, nullptr, 0);
}

}  // namespace crossover
