// What the intervals and tests promise, on hundreds or thousands of simulated sets each.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <utility>
#include <vector>

#include "harness/statistics/bootstrap.h"
#include "harness/statistics/change_point.h"
#include "harness/statistics/clustered_signed_rank.h"
#include "harness/statistics/median.h"
#include "harness/statistics/paired_ratio.h"
#include "harness/statistics/serial_mean.h"
#include "harness/statistics/sign_flip.h"
#include "harness/statistics/simulated_values.h"
#include "harness/statistics/warm_up.h"

namespace crossover {
namespace {

using Values = std::vector<double>;

constexpr size_t kPairs = 40;
constexpr double kSpread = 0.05;  // of the logarithms of ratios

// The share of simulated sets of which `holds`.
double Share(size_t sets, const std::function<bool(RandomSequence&)>& holds) {
  RandomSequence random(1);
  size_t count = 0;
  for (size_t i = 0; i < sets; ++i) count += holds(random) ? 1 : 0;
  return static_cast<double>(count) / static_cast<double>(sets);
}

Values Normal(RandomSequence& random) { return NormalValues(kPairs, random); }
Values HeavyTailed(RandomSequence& random) { return HeavyTailedValues(kPairs, random); }
Values Correlated(RandomSequence& random) { return CorrelatedValues(kPairs, 0.3, random); }

TEST(SimulatedMeans, AreCoveredThoughNeighboursCorrelate) {
  for (const auto& draw : {&Normal, &HeavyTailed, &Correlated}) {
    const double covered = Share(1000, [&](RandomSequence& random) {
      const SerialMean mean = EstimateMean(draw(random));
      return std::abs(mean.mean) <= mean.reach95;
    });
    EXPECT_GE(covered, 0.92);
    EXPECT_LE(covered, 0.98);
  }
  // Taken for independent, as a few repetitions are, they miss thrice as often as they should.
  const double naive = Share(1000, [](RandomSequence& random) {
    Values ratios;
    for (const double value : Correlated(random)) ratios.push_back(std::exp(kSpread * value));
    return ComparePairs(ratios, Values(kPairs, 1.0)).probability > 0.05;
  });
  EXPECT_LE(naive, 0.88);
}

TEST(SimulatedBootstrap, CoversMeans) {
  const double means = Share(1000, [](RandomSequence& random) {
    const auto interval = BcaMeanInterval95(Normal(random), {.resamples = 399});
    return interval->low <= 0 && interval->high >= 0;
  });
  EXPECT_GE(means, 0.92);
  EXPECT_LE(means, 0.98);
}

TEST(SimulatedSignFlips, SeldomFindWhatIsNotThere) {
  for (const auto& [draw, most] : {std::pair{&Normal, 0.05}, {&Correlated, 0.08}}) {
    const double found = Share(1000, [&, draw = draw](RandomSequence& random) {
      const Values values = draw(random);
      const double shrink = std::sqrt(EffectiveCount(values) / kPairs);
      return SignFlipProbability(values, {.vectors = 199, .shrink = shrink}) <= 0.05;
    });
    EXPECT_LE(found, most);
    EXPECT_GE(found, 0.01);
  }
}

// Sixteen clusters of twelve, which have a third of a value's spread in common; three values in ten
// are wild: about what the pairs of slices of a duet were on a restless machine.
std::vector<Values> WildClusters(double centre, RandomSequence& random) {
  std::vector<Values> clusters(16);
  for (Values& cluster : clusters) {
    const double common = centre + NormalValue(random) / 3;
    for (int i = 0; i < 12; ++i) {
      const double spread = random.Uniform() < 0.3 ? 8 : 1;
      cluster.push_back(common + spread * NormalValue(random));
    }
  }
  return clusters;
}

TEST(SimulatedClusters, AreCovered) {
  const double covered = Share(150, [](RandomSequence& random) {
    const ClusteredCentre found = LocateClusters(WildClusters(2, random));
    return found.interval95.low <= 2 && found.interval95.high >= 2;
  });
  EXPECT_GE(covered, 0.9);
  EXPECT_LE(covered, 0.99);
}

TEST(SimulatedClusters, FindMoreByRanksThanByMedians) {
  size_t by_medians = 0;
  const double by_ranks = Share(400, [&](RandomSequence& random) {
    const std::vector<Values> clusters = WildClusters(0.25, random);
    Values ratios;
    for (const Values& cluster : clusters) ratios.push_back(std::exp(Median(cluster)));
    by_medians += ComparePairs(ratios, Values(ratios.size(), 1.0)).probability < 0.05 ? 1 : 0;
    return ClusteredProbability(clusters) < 0.05;
  });
  EXPECT_GT(by_ranks, static_cast<double>(by_medians) / 400 + 0.03);
}

TEST(SimulatedClusters, AreSeldomFoundWhereNothingIs) {
  const double found = Share(2000, [](RandomSequence& random) {
    return ClusteredProbability(WildClusters(0, random)) < 0.05;
  });
  EXPECT_LE(found, 0.06);
  EXPECT_GE(found, 0.04);
}

TEST(SimulatedLooking, StoppedByAFindingFindsWhatIsNotThere) {
  const double found = Share(1000, [](RandomSequence& random) {
    Values logs = NormalValues(19, random);
    while (logs.size() < 100) {
      logs.push_back(NormalValue(random));
      const SerialMean mean = EstimateMean(logs);
      if (std::abs(mean.mean) > mean.reach95) return true;
    }
    return false;
  });
  EXPECT_GE(found, 0.12);
}

TEST(SimulatedSteadiness, IsSeldomDoubted) {
  const double shifts = Share(1000, [](RandomSequence& random) {
    Values values = NormalValues(60, random);
    for (double& value : values) value += 100;
    return FindChangePoint(values)->probability <= 0.05;
  });
  EXPECT_LE(shifts, 0.06);
  EXPECT_GE(shifts, 0.01);
  const double untold =
      Share(1000, [](RandomSequence& random) { return !WarmUpLength(NormalValues(100, random)); });
  EXPECT_LE(untold, 0.05);
}

TEST(SimulatedBlocks, ThatStopWhenTheIntervalIsNarrowMissALittleMoreOften) {
  constexpr size_t kBlocksMin = 8;  // as a duet's
  constexpr size_t kBlocksMax = 25;
  const double covered = Share(4000, [](RandomSequence& random) {
    Values ratios;
    while (true) {
      ratios.push_back(std::exp(0.03 * NormalValue(random)));
      if (ratios.size() < kBlocksMin) continue;
      const auto interval = *ComparePairs(ratios, Values(ratios.size(), 1.0)).interval95;
      const bool narrow = std::log(interval.high / interval.low) / 2 <= 0.02;
      if (narrow || ratios.size() == kBlocksMax) return interval.low <= 1 && interval.high >= 1;
    }
  });
  EXPECT_GE(covered, 0.93);
  EXPECT_LE(covered, 0.96);
}

}  // namespace
}  // namespace crossover
