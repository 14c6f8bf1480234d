#include "harness/statistics/paired_summary.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "harness/statistics/paired_ratio.h"

namespace crossover {
namespace {

using Values = std::vector<double>;

const Values kLogs = {0.021,  -0.013, 0.034, 0.008, 0.052, -0.004, 0.027, 0.019,
                      -0.022, 0.041,  0.015, 0.003, 0.066, -0.009, 0.030, 0.012,
                      0.024,  -0.031, 0.047, 0.010, 0.120, 0.005};

// Denominators that drift by a factor of 3 while pairs are measured.
Values Drifting(size_t count) {
  Values values;
  for (size_t i = 0; i < count; ++i) values.push_back(10 + static_cast<double>(i));
  return values;
}

Values Times(Values values, const Values& logs) {
  for (size_t i = 0; i < values.size(); ++i) values[i] *= std::exp(logs[i]);
  return values;
}

// Expected: Yuen's trimmed mean and interval, and BCa, written down again in Python; d_z and
// superiority by NumPy.
TEST(SummarisePairs, EqualsOtherImplementations) {
  const Values base = Drifting(kLogs.size());
  const PairedSummary summary = SummarisePairs(Times(base, kLogs), base, {.resamples = 100'000});
  EXPECT_EQ(summary.logs.count, 22u);
  EXPECT_EQ(summary.logs.effective, 22);
  EXPECT_NEAR(summary.ratio, std::exp(0.0175), 1e-12);
  EXPECT_NEAR(summary.interval95->low, std::exp(0.0175 - 0.01260371253249058), 1e-9);
  EXPECT_NEAR(summary.interval95->high, std::exp(0.0175 + 0.01260371253249058), 1e-9);
  EXPECT_NEAR(std::log(summary.bootstrap95->low), 0.005989, 0.0002);
  EXPECT_NEAR(std::log(summary.bootstrap95->high), 0.029161, 0.0002);
  EXPECT_NEAR(summary.cohens_dz, 0.6335207216485403, 1e-9);
  EXPECT_NEAR(summary.superiority, 0.7727272727272727, 1e-12);
}

TEST(SummarisePairs, IsSureOfALargeDifference) {
  const Values base = Drifting(40);
  Values half = base;
  for (size_t i = 0; i < half.size(); ++i) half[i] *= i % 2 == 0 ? 0.49 : 0.51;
  const PairedSummary summary = SummarisePairs(half, base);
  EXPECT_NEAR(summary.ratio, 0.5, 0.001);
  EXPECT_LT(summary.interval95->high, 0.51);
  EXPECT_DOUBLE_EQ(summary.probability, 1e-4);  // the smallest of 9,999 sign vectors
  EXPECT_EQ(summary.superiority, 0);
}

TEST(SummarisePairs, WidensForPairsThatResembleTheirNeighbours) {
  // The same logarithms, mixed and in blocks.
  Values mixed;
  Values blocks;
  for (int i = 0; i < 40; ++i) {
    mixed.push_back(i % 2 == 0 ? 0.1 : -0.06);
    blocks.push_back(i / 5 % 2 == 0 ? 0.1 : -0.06);
  }
  const Values base = Drifting(40);
  const PairedSummary sure = SummarisePairs(Times(base, mixed), base);
  const PairedSummary unsure = SummarisePairs(Times(base, blocks), base);
  EXPECT_NEAR(sure.ratio, unsure.ratio, 1e-12);
  EXPECT_EQ(sure.logs.effective, 40);
  EXPECT_LT(unsure.logs.effective, 20);
  const auto width = [](const ConfidenceInterval& i) { return std::log(i.high / i.low); };
  const double wider = std::sqrt(40 / unsure.logs.effective);
  EXPECT_GE(width(*unsure.interval95), wider * width(*sure.interval95));
  // The resampled values are the same, drawn in another order.
  EXPECT_NEAR(width(*unsure.bootstrap95) / width(*sure.bootstrap95), wider, 0.1 * wider);
  EXPECT_GT(unsure.probability, sure.probability);
}

TEST(SummarisePairs, ReversesIntoItsInverse) {
  const Values base = Drifting(kLogs.size());
  const Values other = Times(base, kLogs);
  const PairedSummary forward = SummarisePairs(other, base);
  const PairedSummary backward = SummarisePairs(base, other);
  EXPECT_NEAR(forward.ratio * backward.ratio, 1, 1e-12);
  EXPECT_NEAR(forward.interval95->low * backward.interval95->high, 1, 1e-9);
  EXPECT_NEAR(forward.cohens_dz, -backward.cohens_dz, 1e-9);
  EXPECT_NEAR(forward.superiority, 1 - backward.superiority, 1e-12);
  EXPECT_DOUBLE_EQ(forward.probability, backward.probability);
}

TEST(SummarisePairs, OfOnePairClaimsNothing) {
  const PairedSummary single = SummarisePairs(Values{30}, Values{10});
  EXPECT_DOUBLE_EQ(single.ratio, 3);
  EXPECT_EQ(single.interval95, std::nullopt);
  EXPECT_EQ(single.bootstrap95, std::nullopt);
  EXPECT_EQ(single.probability, 1);
}

TEST(SummarisePairs, OfExactRepetitionsNeedsNoSpread) {
  const PairedSummary twice = SummarisePairs(Values(20, 6.0), Values(20, 3.0));
  EXPECT_DOUBLE_EQ(twice.ratio, 2);
  EXPECT_NEAR(twice.interval95->low, 2, 1e-9);
  EXPECT_LT(twice.probability, 0.001);
  EXPECT_EQ(SummarisePairs(Values(20, 3.0), Values(20, 3.0)).probability, 1);
}

}  // namespace
}  // namespace crossover
