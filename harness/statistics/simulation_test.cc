// What the intervals and tests promise, on a thousand or more simulated sets each.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <utility>
#include <vector>

#include "harness/statistics/bootstrap.h"
#include "harness/statistics/change_point.h"
#include "harness/statistics/paired_ratio.h"
#include "harness/statistics/paired_summary.h"
#include "harness/statistics/sequential.h"
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

// Pairs whose logarithms of ratios are `logs`, on a machine whose speed doubles on the way.
PairedSummary SummariseLogs(const Values& logs, double ratio) {
  Values numerators;
  Values denominators;
  for (size_t i = 0; i < logs.size(); ++i) {
    denominators.push_back(100 * (1 + static_cast<double>(i) / static_cast<double>(logs.size())));
    numerators.push_back(denominators[i] * ratio * std::exp(kSpread * logs[i]));
  }
  return SummarisePairs(numerators, denominators, {.resamples = 99, .sign_vectors = 199});
}

struct Rates {
  double covered = 0;  // by the interval
  double found = 0;    // p of 5 % or less
};

Rates RatesOf(const std::function<Values(RandomSequence&)>& draw, double ratio) {
  Rates rates;
  rates.covered = Share(1000, [&](RandomSequence& random) {
    const PairedSummary summary = SummariseLogs(draw(random), ratio);
    if (summary.probability <= 0.05) rates.found += 0.001;
    return summary.interval95->low <= ratio && ratio <= summary.interval95->high;
  });
  return rates;
}

Values Normal(RandomSequence& random) { return NormalValues(kPairs, random); }
Values HeavyTailed(RandomSequence& random) { return HeavyTailedValues(kPairs, random); }
Values Correlated(RandomSequence& random) { return CorrelatedValues(kPairs, 0.3, random); }

TEST(SimulatedPairs, AlikeAreFoundAlike) {
  const Rates normal = RatesOf(Normal, 1);
  EXPECT_GE(normal.covered, 0.92);
  EXPECT_LE(normal.covered, 0.98);
  EXPECT_LE(normal.found, 0.06);
  const Rates heavy_tailed = RatesOf(HeavyTailed, 1);
  EXPECT_GE(heavy_tailed.covered, 0.92);
  EXPECT_LE(heavy_tailed.covered, 0.98);
  EXPECT_LE(heavy_tailed.found, 0.06);
}

TEST(SimulatedPairs, ThatCorrelateAreAlmostAsSafe) {
  const Rates correlated = RatesOf(Correlated, 1);
  EXPECT_GE(correlated.covered, 0.92);
  EXPECT_LE(correlated.covered, 0.98);
  EXPECT_LE(correlated.found, 0.08);
  // Taken for independent, as a few repetitions are, they miss thrice as often as they should.
  const double naive = Share(1000, [](RandomSequence& random) {
    Values ratios;
    for (const double value : Correlated(random)) ratios.push_back(std::exp(kSpread * value));
    return ComparePairs(ratios, Values(kPairs, 1.0)).probability > 0.05;
  });
  EXPECT_LE(naive, 0.88);
}

TEST(SimulatedPairs, ThatDifferByThreePerCentAreFound) {
  // 3.8 standard errors of independent pairs: Student's test would find 97 in 100 of the normal
  // ones. What trimming loses there it gains where tails are heavy, as those of slices are.
  for (const auto& [draw, found] : {std::pair{&Normal, 0.80}, {&HeavyTailed, 0.70}}) {
    const Rates rates = RatesOf(draw, 1.03);
    EXPECT_GE(rates.covered, 0.92);
    EXPECT_LE(rates.covered, 0.98);
    EXPECT_GE(rates.found, found);
  }
}

TEST(SimulatedBootstrap, CoversMeansAndMedians) {
  const double means = Share(1000, [](RandomSequence& random) {
    const auto interval = BcaMeanInterval95(Normal(random), {.resamples = 399});
    return interval->low <= 0 && interval->high >= 0;
  });
  EXPECT_GE(means, 0.92);
  EXPECT_LE(means, 0.98);
  const double medians = Share(1000, [](RandomSequence& random) {
    const auto interval = BcaMedianInterval95(HeavyTailed(random), {.resamples = 199});
    return interval->low <= 0 && interval->high >= 0;
  });
  EXPECT_GE(medians, 0.92);
  EXPECT_LE(medians, 0.98);
}

// Pairs come in one by one, up to 100, and are looked at after each. Whether the interval leaves
// out a true ratio of 1 when `stops` says so, or at the end.
bool FindsAmongAlike(RandomSequence& random, const std::function<bool(const SerialMean&)>& stops) {
  Values logs;
  for (;;) {
    logs.push_back(kSpread * NormalValue(random));
    if (logs.size() < kPairsBeforeStopping) continue;
    const SerialMean mean = EstimateMean(logs);
    if (logs.size() == 100 || stops(mean)) return std::abs(mean.mean) > mean.reach95;
  }
}

TEST(SimulatedLooking, StoppedByWidthCostsNothing) {
  double pairs = 0;
  const double found = Share(1000, [&](RandomSequence& random) {
    return FindsAmongAlike(random, [&](const SerialMean& mean) {
      pairs += 0.001;
      return IsPrecise(mean, 0.016);
    });
  });
  EXPECT_LE(found, 0.06);
  EXPECT_GT(pairs, 10);  // looks: it is not the smallest number of pairs that stops it
  EXPECT_LT(pairs, 60);  // nor the largest
}

TEST(SimulatedLooking, StoppedByAFindingFindsWhatIsNotThere) {
  const double found = Share(1000, [](RandomSequence& random) {
    return FindsAmongAlike(
        random, [](const SerialMean& mean) { return std::abs(mean.mean) > mean.reach95; });
  });
  EXPECT_GE(found, 0.12);
}

TEST(SimulatedLooking, MayStopAtAFindingByTheLevelOfTheLook) {
  const double found = Share(2000, [](RandomSequence& random) {
    Values ratios;
    for (size_t look = 1; look <= 5; ++look) {
      for (int i = 0; i < 8; ++i) ratios.push_back(std::exp(kSpread * NormalValue(random)));
      const double probability = ComparePairs(ratios, Values(ratios.size(), 1.0)).probability;
      if (probability <= LevelAtLook(look, 5, 0.05)) return true;
    }
    return false;
  });
  EXPECT_LE(found, 0.05);
  EXPECT_GE(found, 0.02);  // strict, but not absurdly so
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
