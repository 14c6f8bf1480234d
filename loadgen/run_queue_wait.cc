#include "loadgen/run_queue_wait.h"

#include <fstream>

namespace crossover {

std::optional<int64_t> RunQueueWaitNs() {
  std::ifstream file("/proc/thread-self/schedstat");
  int64_t ran_ns = 0;
  int64_t waited_ns = 0;
  int64_t runs = 0;  // a kernel that doesn't count has 0 there, too
  if (!(file >> ran_ns >> waited_ns >> runs) || runs == 0) return std::nullopt;
  return waited_ns;
}

}  // namespace crossover
