// SlowDown: a server whose threads take a known share more CPU time than their work needs, so that
// there is a difference to find. (Its work also gets dearer, since it is slower: decision 0021.)
#pragma once

#include <cstdint>
#include <string_view>

#include "base/clock.h"

namespace crossover {

// Of one thread. Every kRequests requests it spins for a share of the CPU time that the thread has
// taken since the last such moment, the spinning itself not counted in: so the thread's CPU time is
// multiplied by 1 + share, whatever the machine's speed and whatever the requests are.
class SlowDown {
 public:
  static constexpr uint32_t kRequests = 64;

  // `first`: after how many requests it spins first. `clock`: the thread's CPU time.
  explicit SlowDown(uint32_t first, int64_t (*clock)() = ThreadCpuNs)
      : left_(first), clock_(clock) {}

  void CountRequest(double share);

 private:
  uint32_t left_;  // requests until it spins
  int64_t (*clock_)();
  int64_t since_ns_ = 0;     // the end of the last spin
  int64_t too_long_ns_ = 0;  // by which that was; the next is so much shorter
};

// Counts a request of the calling thread. Threads spin in different moments, also where they are
// served in step.
void SlowDownThread(double share);

// "3%" is 0.03. Throws UsageError for what is not from 0% to 1000%.
double ParseSlowDown(std::string_view text);

}  // namespace crossover
