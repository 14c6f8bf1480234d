#include "harness/statistics/clustered_signed_rank.h"

#include <gtest/gtest.h>

#include <vector>

namespace crossover {
namespace {

using Clusters = std::vector<std::vector<double>>;

Clusters Singly(const std::vector<double>& values) {
  Clusters clusters;
  for (const double value : values) clusters.push_back({value});
  return clusters;
}

TEST(CentreByScores, IsWhereTheScoresSumToNothing) {
  EXPECT_DOUBLE_EQ(CentreByScores(std::vector<double>{3}), 3);
  EXPECT_NEAR(CentreByScores(std::vector<double>{1, 2}), 1.5, 1e-9);
  EXPECT_NEAR(CentreByScores(std::vector<double>{4, 1, 2}), 2, 1e-9);
  EXPECT_DOUBLE_EQ(CentreByScores(std::vector<double>{2, 2, 2}), 2);
}

TEST(LocateClusters, TriesAllSignsWhereEachHasOneValue) {
  // Of 256, by a script.
  const auto found = LocateClusters(Singly({1.1, -0.4, 2.3, 0.9, 3.1, 1.7, 0.2, -1.3}));
  EXPECT_DOUBLE_EQ(found.probability, 74.0 / 256);
}

TEST(LocateClusters, GivesWhatABruteForceSearchGives) {
  // Numbers from a script that tries all signs at 9,001 centres.
  const Clusters clusters = {{0.031, 0.012, -0.004}, {0.024},       {0.05, -0.021, 0.018, 0.009},
                             {-0.006, 0.002},        {0.04, 0.033}, {0.015, 0.027, -0.011},
                             {0.008, 0.019}};
  const ClusteredCentre found = LocateClusters(clusters);
  EXPECT_NEAR(found.centre, 0.0155, 1e-9);
  EXPECT_DOUBLE_EQ(found.probability, 0.03125);
  EXPECT_NEAR(found.interval95.low, 0.002, 1e-5);
  EXPECT_NEAR(found.interval95.high, 0.032, 1.1e-5);
}

TEST(LocateClusters, IsHardlyMovedByAWildCluster) {
  Clusters clusters = Singly({0.028, 0.031, 0.034, 0.027, 0.033, 0.029, 0.03, 0.035, 0.026, 0.032});
  clusters[0] = {-0.2, -0.19, -0.21};
  clusters[1] = {0.03, 0.031, 0.029};
  const ClusteredCentre found = LocateClusters(clusters);
  EXPECT_NEAR(found.centre, 0.029, 0.003);
}

TEST(LocateClusters, TakesValuesOfAClusterForOne) {
  // Ten values above 0 of ten clusters, or of six.
  EXPECT_DOUBLE_EQ(LocateClusters(Singly({1, 2, 3, 4, 5, 6, 7, 8, 9, 10})).probability, 2.0 / 1024);
  EXPECT_DOUBLE_EQ(LocateClusters(Clusters{{1, 2}, {3, 4}, {5, 6}, {7, 8}, {9}, {10}}).probability,
                   2.0 / 64);
}

TEST(LocateClusters, TellsLessOfClustersThatHaveSomethingInCommon) {
  const Clusters clusters = Singly({1.1, -0.4, 2.3, 0.9, 3.1, 1.7, 0.2, -1.3, 1.4, 0.7});
  const ClusteredCentre all = LocateClusters(clusters);
  const ClusteredCentre half = LocateClusters(clusters, 0.5);
  EXPECT_DOUBLE_EQ(half.centre, all.centre);
  EXPECT_LT(half.interval95.low, all.interval95.low);
  EXPECT_GT(half.interval95.high, all.interval95.high);
  EXPECT_GT(half.probability, all.probability);
}

TEST(LocateClusters, HasAPointForValuesThatAreAllTheSame) {
  const ClusteredCentre found = LocateClusters(Singly(std::vector<double>(8, 0.5)));
  EXPECT_DOUBLE_EQ(found.centre, 0.5);
  EXPECT_DOUBLE_EQ(found.interval95.low, 0.5);
  EXPECT_DOUBLE_EQ(found.interval95.high, 0.5);
  EXPECT_DOUBLE_EQ(found.probability, 2.0 / 256);
  EXPECT_DOUBLE_EQ(LocateClusters(Singly(std::vector<double>(8, 0.0))).probability, 1);
}

}  // namespace
}  // namespace crossover
