// Histogram: counts of durations in log-linear buckets, as HdrHistogram's.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace crossover {

// Durations in nanoseconds, from 0 to kValueMaxNs; what lies outside counts as the nearest of the
// two. Values below 512 ns are kept exactly; above, a bucket is at most 1/256 (0.4 %) of its values
// wide. One thread at a time; histograms of several threads are merged afterwards.
class Histogram {
 public:
  static constexpr size_t kSubBucketBits = 8;
  static constexpr int64_t kValueMaxNs = (int64_t{1} << 47) - 1;  // 39 hours

  Histogram() : counts_(kBuckets) {}

  // A few nanoseconds; allocates nothing.
  void Record(int64_t value_ns) {
    if (value_ns < 0) value_ns = 0;
    if (value_ns > kValueMaxNs) value_ns = kValueMaxNs;
    const auto value = static_cast<uint64_t>(value_ns);
    ++counts_[BucketOf(value)];
    ++count_;
    sum_ns_ += value;
    if (value_ns > max_ns_) max_ns_ = value_ns;
  }

  void Merge(const Histogram& other);
  // Empties it; allocates nothing.
  void Clear();

  uint64_t count() const { return count_; }
  // Exact; 0 if empty.
  int64_t max_ns() const { return max_ns_; }
  // Exact; 0 if empty.
  double mean_ns() const;
  // The value at rank ceil(quantile * count), told as the highest value of its bucket, and never
  // more than max_ns(). So at least `quantile` of all values are less or equal. `quantile` is
  // within 0 to 1. 0 if empty.
  int64_t QuantileNs(double quantile) const;

  // Calls visit(highest value, count) for each bucket that isn't empty, ascending.
  template <typename Visit>
  void ForEachBucket(Visit visit) const {
    for (size_t bucket = 0; bucket < kBuckets; ++bucket) {
      if (counts_[bucket] > 0) visit(HighestIn(bucket), counts_[bucket]);
    }
  }

  static constexpr size_t BucketOf(uint64_t value) {
    const size_t shift =
        static_cast<size_t>(std::bit_width(value | kSubBuckets)) - (kSubBucketBits + 1);
    return (shift << kSubBucketBits) + static_cast<size_t>(value >> shift);
  }
  static constexpr uint64_t HighestIn(size_t bucket) {
    const size_t shift = bucket < 2 * kSubBuckets ? 0 : (bucket >> kSubBucketBits) - 1;
    return ((static_cast<uint64_t>(bucket - (shift << kSubBucketBits)) + 1) << shift) - 1;
  }

 private:
  static constexpr uint64_t kSubBuckets = uint64_t{1} << kSubBucketBits;
  static constexpr size_t kBuckets = (47 - kSubBucketBits + 1) << kSubBucketBits;

  std::vector<uint64_t> counts_;
  uint64_t count_ = 0;
  uint64_t sum_ns_ = 0;
  int64_t max_ns_ = 0;
};

}  // namespace crossover
