#include "servers/slow_down.h"

#include <atomic>
#include <charconv>
#include <string>

#include "base/error.h"

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

double ParseSlowDown(std::string_view text) {
  double percent = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), percent);
  const std::string_view rest(end, static_cast<size_t>(text.data() + text.size() - end));
  if (error == std::errc{} && rest == "%" && percent >= 0 && percent <= 1000) return percent / 100;
  throw UsageError("--slow-down: '" + std::string(text) +
                   "' is not a percentage from 0% to 1000%; write it as 3%");
}

}  // namespace crossover
