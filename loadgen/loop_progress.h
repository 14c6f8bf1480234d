// LoopProgress: what one loop counted since its coordinator last looked.
#pragma once

#include <atomic>
#include <cstdint>
#include <limits>
#include <mutex>

#include "loadgen/histogram.h"
#include "loadgen/ledger.h"
#include "loadgen/load_generator.h"

namespace crossover {

// The loop records without a lock and publishes when it is asked to; the lock is taken once an
// interval by each of the two, and hardly ever by both at a time.
class LoopProgress {
 public:
  static constexpr uint32_t kForGood = std::numeric_limits<uint32_t>::max();

  // The loop's thread. As Histogram::Record.
  void Record(int64_t latency_ns) { latency_.Record(latency_ns); }
  // The loop's thread, as the answer to having been asked for the `asked`-th time, or kForGood as
  // the answer to any other time as well: the loop has ended. `ledger` is of the run up to now.
  // What was published and not collected yet is kept. Allocates nothing.
  void Publish(uint32_t asked, const Ledger& ledger, uint64_t in_flight, int64_t now_ns);

  // The coordinator's thread, as are the others.
  bool HasPublished(uint32_t asked) const {
    return published_.load(std::memory_order_acquire) >= asked;
  }
  // Adds to `interval` the latencies that were published and not collected before, and the ledger
  // and the requests in flight as they were last published; its time becomes the latest of all.
  void CollectInto(LoadInterval& interval);

 private:
  Histogram latency_;  // the loop's own
  std::atomic<uint32_t> published_{0};

  std::mutex mutex_;  // of all below
  Histogram uncollected_;
  Ledger ledger_;
  uint64_t in_flight_ = 0;
  int64_t time_ns_ = 0;
};

}  // namespace crossover
