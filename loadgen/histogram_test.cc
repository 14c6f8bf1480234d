#include "loadgen/histogram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

namespace crossover {
namespace {

TEST(Histogram, OfNothingIsZero) {
  const Histogram empty;
  EXPECT_EQ(empty.count(), 0u);
  EXPECT_EQ(empty.max_ns(), 0);
  EXPECT_EQ(empty.mean_ns(), 0.0);
  EXPECT_EQ(empty.QuantileNs(0.5), 0);
}

TEST(Histogram, KeepsSmallValuesExactly) {
  Histogram histogram;
  for (int64_t value = 0; value < 512; ++value) histogram.Record(value);
  for (int64_t value = 0; value < 512; ++value) {
    EXPECT_EQ(histogram.QuantileNs(static_cast<double>(value + 1) / 512), value);
  }
}

TEST(Histogram, BucketsAdjoinAndHoldTheirValues) {
  size_t last = 0;
  for (uint64_t value = 1; value < uint64_t{1} << 47; value += 1 + value / 300) {
    const size_t bucket = Histogram::BucketOf(value);
    EXPECT_GE(bucket, last);
    EXPECT_GE(Histogram::HighestIn(bucket), value);
    EXPECT_LT(Histogram::HighestIn(bucket - 1), value);
    EXPECT_EQ(Histogram::BucketOf(Histogram::HighestIn(bucket)), bucket);
    EXPECT_EQ(Histogram::BucketOf(Histogram::HighestIn(bucket) + 1), bucket + 1);
    EXPECT_LE(static_cast<double>(Histogram::HighestIn(bucket) - value),
              static_cast<double>(value) / 256);
    last = bucket;
  }
}

TEST(Histogram, AgreesWithTheSortedValues) {
  std::mt19937_64 random(20210401);
  std::lognormal_distribution<double> latency(13, 2);
  Histogram histogram;
  std::vector<int64_t> values;
  double sum = 0;
  for (int i = 0; i < 100'000; ++i) {
    const auto value = static_cast<int64_t>(latency(random));
    values.push_back(value);
    sum += static_cast<double>(value);
    histogram.Record(value);
  }
  std::sort(values.begin(), values.end());
  for (const double quantile : {0.0, 0.001, 0.25, 0.5, 0.9, 0.99, 0.999, 0.9999, 1.0}) {
    const auto rank = static_cast<size_t>(std::ceil(quantile * static_cast<double>(values.size())));
    const int64_t exact = values[std::max<size_t>(rank, 1) - 1];
    const int64_t told = histogram.QuantileNs(quantile);
    EXPECT_GE(told, exact) << quantile;
    EXPECT_LE(static_cast<double>(told - exact), static_cast<double>(exact) / 256) << quantile;
  }
  EXPECT_EQ(histogram.QuantileNs(1.0), values.back());
  EXPECT_EQ(histogram.max_ns(), values.back());
  EXPECT_NEAR(histogram.mean_ns(), sum / static_cast<double>(values.size()), 1.0);
}

TEST(Histogram, MergesAsIfOneHadSeenAll) {
  std::mt19937_64 random(7);
  Histogram whole;
  Histogram parts[3];
  for (int i = 0; i < 10'000; ++i) {
    const auto value = static_cast<int64_t>(random() >> (random() % 64));
    whole.Record(value);
    parts[i % 3].Record(value);
  }
  parts[0].Merge(parts[1]);
  parts[0].Merge(parts[2]);
  EXPECT_EQ(parts[0].count(), whole.count());
  EXPECT_EQ(parts[0].max_ns(), whole.max_ns());
  EXPECT_EQ(parts[0].mean_ns(), whole.mean_ns());
  for (int i = 0; i <= 1000; ++i) {
    EXPECT_EQ(parts[0].QuantileNs(i / 1000.0), whole.QuantileNs(i / 1000.0));
  }
}

TEST(Histogram, ClampsWhatIsOutside) {
  Histogram histogram;
  histogram.Record(-5);
  EXPECT_EQ(histogram.max_ns(), 0);
  histogram.Record(INT64_MAX);
  EXPECT_EQ(histogram.max_ns(), Histogram::kValueMaxNs);
  EXPECT_EQ(histogram.QuantileNs(1.0), Histogram::kValueMaxNs);
  EXPECT_EQ(histogram.QuantileNs(0.5), 0);
}

}  // namespace
}  // namespace crossover
