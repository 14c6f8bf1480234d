// A companion takes a known share of CPU time beside a server, on the server's CPU, as a process of
// its own. In a duet for the instrument's self-test both contenders have one, and of one of them it
// is added to the server's CPU time: they serve at the same pace, and one takes exactly so much
// more. (A server that is slower would by itself make its requests dearer, since its client waits
// for responses and its caches get cold, and then nobody would know by how much: decision 0021.)
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <string>

namespace crossover {

// The companion looks at the server so often.
inline constexpr int64_t kCompanionPeriodNs = 4'000'000;

// How long to spin. Not thread-safe.
class CompanionBudget {
 public:
  // What both had taken before counts for nothing.
  explicit CompanionBudget(double share, int64_t server_ns = 0, int64_t own_ns = 0)
      : share_(share), server_ns_(server_ns), own_ns_(own_ns) {}

  // From the CPU times of server and companion up to now. What the companion took beyond what was
  // due while the server stood idle (by less than 1 % of a period) is not made good.
  int64_t DueNs(int64_t server_ns, int64_t own_ns);

 private:
  const double share_;
  double owed_ns_ = 0;
  int64_t due_ns_ = 0;
  int64_t server_ns_;
  int64_t own_ns_;
};

// Why one companion can't take such a share of what a server takes on so many CPUs; empty: it can.
std::string WhyNoCompanion(double share, size_t server_cpus);

// Runs beside `server` until it has ended. Throws UsageError where the kernel refuses real-time
// priority, without which a server of many threads would leave it too little. `on_ready`: it runs
// from now on.
void Accompany(pid_t server, double share, void (*on_ready)());

}  // namespace crossover
