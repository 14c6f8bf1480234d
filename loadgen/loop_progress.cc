#include "loadgen/loop_progress.h"

#include <algorithm>
#include <utility>

namespace crossover {

void LoopProgress::Publish(uint32_t asked, const Ledger& ledger, uint64_t in_flight,
                           int64_t now_ns) {
  {
    const std::lock_guard lock(mutex_);
    if (uncollected_.count() == 0) {
      std::swap(latency_, uncollected_);  // the coordinator has emptied it
    } else {
      uncollected_.Merge(latency_);
      latency_.Clear();
    }
    ledger_ = ledger;
    in_flight_ = in_flight;
    time_ns_ = now_ns;
  }
  published_.store(asked, std::memory_order_release);
}

void LoopProgress::CollectInto(LoadInterval& interval) {
  const std::lock_guard lock(mutex_);
  interval.latency.Merge(uncollected_);
  uncollected_.Clear();
  interval.ledger.Merge(ledger_);
  interval.in_flight += in_flight_;
  interval.time_ns = std::max(interval.time_ns, time_ns_);
}

}  // namespace crossover
