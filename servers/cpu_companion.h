// CpuCompanion: takes a known share of CPU time beside the server's own, on the server's CPUs, for
// the instrument's self-test. As a thread of the server it is billed to it, as a process it is not.
// Two servers with either of them serve at the same pace, and one takes exactly so much more CPU:
// that a server is slower would by itself make its requests dearer, since its client waits for
// responses and its caches get cold, and then nobody would know by how much.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <string_view>
#include <thread>

namespace crossover {

struct CompanionOptions {
  double share = 0;    // of the CPU time that the server takes without it; 0: no companion
  bool apart = false;  // a process; else a thread
};

// "3%" is a thread that takes 0.03, "3%,apart" a process that does. Throws UsageError for what is
// not from 0% to 100%.
CompanionOptions ParseCompanion(std::string_view text);

// How long to spin. Not thread-safe.
class CompanionBudget {
 public:
  explicit CompanionBudget(double share) : share_(share) {}

  // From CPU times up to now: the server's without the companion's, and the companion's. What it
  // took beyond what was due while the server stood idle is not made good.
  int64_t DueNs(int64_t server_ns, int64_t own_ns);

 private:
  const double share_;
  double owed_ns_ = 0;
  int64_t due_ns_ = 0;
  int64_t server_ns_ = 0;
  int64_t own_ns_ = 0;
};

// Runs from its construction on, with real-time priority where that is permitted. To be made by
// the main thread before there are others, since it may fork. Ends with the object; the process
// also with the server, however that ends.
class CpuCompanion {
 public:
  explicit CpuCompanion(const CompanionOptions& options);
  CpuCompanion(const CpuCompanion&) = delete;
  CpuCompanion& operator=(const CpuCompanion&) = delete;
  ~CpuCompanion();

 private:
  std::atomic<bool> stop_ = false;
  std::thread thread_;
  pid_t child_ = -1;
};

}  // namespace crossover
