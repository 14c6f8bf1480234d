#include "harness/duet/companion.h"

#include <sched.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/clock.h"
#include "base/error.h"

namespace crossover {
namespace {

constexpr int64_t kIdleNs = kCompanionPeriodNs / 100;
// Of its CPU: the kernel keeps 5 % from what has real-time priority.
constexpr double kCompanionCpuMax = 0.8;

}  // namespace

int64_t CompanionBudget::DueNs(int64_t server_ns, int64_t own_ns) {
  const int64_t served_ns = server_ns - server_ns_;
  const bool idle = served_ns < kIdleNs;
  const int64_t took_ns = idle ? due_ns_ : own_ns - own_ns_;
  owed_ns_ += (idle ? 0 : share_ * static_cast<double>(served_ns)) - static_cast<double>(took_ns);
  if (!idle) server_ns_ = server_ns;
  own_ns_ = own_ns;
  due_ns_ = idle ? 0 : std::max(int64_t{0}, static_cast<int64_t>(owed_ns_));
  return due_ns_;
}

std::string WhyNoCompanion(double share, size_t server_cpus) {
  if (share * static_cast<double>(server_cpus) / (1 + share) <= kCompanionCpuMax) return {};
  return "one companion can't take so much CPU beside a server with " +
         std::to_string(server_cpus) + " CPUs";
}

void Accompany(pid_t server, double share, void (*on_ready)()) {
  clockid_t server_clock{};
  if (const int error = clock_getcpuclockid(server, &server_clock); error != 0) {
    throw UsageError("--of: process " + std::to_string(server) + ": " + std::strerror(error));
  }
  const sched_param priority{.sched_priority = 1};
  if (sched_setscheduler(0, SCHED_FIFO, &priority) != 0) {
    throw UsageError(std::string("the kernel refuses real-time priority: ") + std::strerror(errno) +
                     "; it takes CAP_SYS_NICE, which root has");
  }
  CompanionBudget budget(share, ReadClockNs(server_clock), ThreadCpuNs());
  on_ready();
  const timespec period{.tv_sec = 0, .tv_nsec = kCompanionPeriodNs};
  timespec server_cpu{};
  while (clock_gettime(server_clock, &server_cpu) == 0) {
    const int64_t server_ns = int64_t{server_cpu.tv_sec} * kNsPerSecond + server_cpu.tv_nsec;
    const int64_t own_ns = ThreadCpuNs();
    const int64_t end_ns = own_ns + budget.DueNs(server_ns, own_ns);
    while (ThreadCpuNs() < end_ns) {
    }
    clock_nanosleep(CLOCK_MONOTONIC, 0, &period, nullptr);
  }
}

}  // namespace crossover
