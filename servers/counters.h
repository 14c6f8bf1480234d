// Counters: what a server counts. The same code for every architecture, so that counting costs each
// of them the same. They lie in memory that forked processes share.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace crossover {

class Counters {
 public:
  static_assert(std::atomic<uint64_t>::is_always_lock_free);

  // The per-request counters, spread over cache lines. Connections take them in turn,
  // so that beyond 64 of them threads share lines, in every architecture alike.
  struct alignas(64) Shard {
    std::atomic<uint64_t> requests{0};         // responses whose last byte the kernel took
    std::atomic<uint64_t> protocol_errors{0};  // requests that were answered 4xx/5xx and closed
  };

  struct Snapshot {
    uint64_t requests = 0;
    uint64_t protocol_errors = 0;
    uint64_t accepted = 0;
    uint64_t accept_errors = 0;
    uint64_t rejected = 0;
    uint64_t thread_failures = 0;
    uint64_t timeouts = 0;
  };

  // The shard for the next connection; round robin. Any thread.
  Shard& NextShard() { return shards_[next_.fetch_add(1, std::memory_order_relaxed) % kShards]; }

  // The sums now. Any thread; while requests are served each sum is current on its own only.
  Snapshot Read() const {
    Snapshot sum;
    for (const Shard& shard : shards_) {
      sum.requests += shard.requests.load(std::memory_order_relaxed);
      sum.protocol_errors += shard.protocol_errors.load(std::memory_order_relaxed);
    }
    sum.accepted = accepted.load(std::memory_order_relaxed);
    sum.accept_errors = accept_errors.load(std::memory_order_relaxed);
    sum.rejected = rejected.load(std::memory_order_relaxed);
    sum.thread_failures = thread_failures.load(std::memory_order_relaxed);
    sum.timeouts = timeouts.load(std::memory_order_relaxed);
    return sum;
  }

  std::atomic<uint64_t> accepted{0};
  std::atomic<uint64_t> accept_errors{0};  // accept() failed: descriptors, memory, aborted
  std::atomic<uint64_t> rejected{0};       // answered 503 unread
  std::atomic<uint64_t> thread_failures{
      0};                             // a thread, fibre or process could not be had, or crashed
  std::atomic<uint64_t> timeouts{0};  // connections ended by a timeout
  std::atomic<uint64_t> open{0};      // connections now

 private:
  static constexpr size_t kShards = 64;
  std::array<Shard, kShards> shards_;
  std::atomic<size_t> next_{0};
};

}  // namespace crossover
