#include "servers/slow_down.h"

#include <atomic>

namespace crossover {

void SlowDown::CountRequest(double share) {
  if (--left_ > 0) return;
  left_ = kRequests;
  int64_t now_ns = clock_();
  const int64_t end_ns =
      now_ns + static_cast<int64_t>(share * static_cast<double>(now_ns - since_ns_)) - too_long_ns_;
  while (now_ns < end_ns) now_ns = clock_();
  too_long_ns_ = now_ns - end_ns;
  since_ns_ = now_ns;
}

void SlowDownThread(double share) {
  static std::atomic<uint32_t> threads{0};
  thread_local SlowDown slow_down(1 + threads.fetch_add(1, std::memory_order_relaxed) %
                                          SlowDown::kRequests);
  slow_down.CountRequest(share);
}

}  // namespace crossover
