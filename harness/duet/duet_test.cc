#include "harness/duet/duet.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

#include "base/clock.h"
#include "harness/experiment.h"

namespace crossover {
namespace {

using testing::ElementsAre;

// Two contenders in a world of their own, where only slices take time.
struct Stage {
  int64_t now_ns = 0;
  std::string order;
  std::vector<int64_t> slices_ns;
};

class FakeContender : public DuetContender {
 public:
  FakeContender(Stage& stage, char name, double rps) : stage_(stage), name_(name), rps_(rps) {}
  DuetSlice Play(int64_t duration_ns) override {
    stage_.now_ns += duration_ns;
    stage_.order += name_;
    stage_.slices_ns.push_back(duration_ns);
    const double seconds = static_cast<double>(duration_ns) / 1e9;
    ++slices;
    return {.verified = rps_ * seconds,
            .seconds = seconds,
            .cpu_seconds = seconds / 2,
            .switches = std::nullopt,
            .server_seconds = seconds,
            .late = slices == late_slice};
  }
  size_t slices = 0;
  size_t late_slice = 0;  // that many-th is late

 private:
  Stage& stage_;
  const char name_;
  const double rps_;
};

class FakeContenders : public DuetContenders {
 public:
  FakeContenders(Stage& stage, DuetContender& own, DuetContender& baseline)
      : stage_(stage), own_(own), baseline_(baseline) {}
  DuetContender& own() override { return own_; }
  DuetContender& baseline() override { return baseline_; }
  void Stop() override { stage_.order += '.'; }

 private:
  Stage& stage_;
  DuetContender& own_;
  DuetContender& baseline_;
};

class DuetTest : public testing::Test {
 protected:
  DuetOutcome Play() { return PlayBoth(own_, baseline_); }
  DuetOutcome PlayBoth(DuetContender& own, DuetContender& baseline) {
    return PlayDuet(
        [&](bool baseline_first) {
          stage_.now_ns += kStartNs;
          stage_.order += baseline_first ? "bo:" : "ob:";
          return std::make_unique<FakeContenders>(stage_, own, baseline);
        },
        rules_);
  }

  static constexpr int64_t kStartNs = 400 * kNsPerMs;
  Stage stage_;
  FakeContender own_{stage_, 'O', 10'000};
  FakeContender baseline_{stage_, 'B', 20'000};
  DuetRules rules_{.connections = 200,
                   .slice_ns = 100 * kNsPerMs,
                   .pairs_max = 14,
                   .time_limit_ns = 3600 * kNsPerSecond,
                   .enough = nullptr,
                   .now_ns = [this] { return stage_.now_ns; }};
};

TEST_F(DuetTest, TurnsTheOrderAroundFromBlockToBlockAndFromPairToPair) {
  rules_.pairs_max = 36;
  const DuetOutcome outcome = Play();
  EXPECT_EQ(stage_.order.substr(0, 36),
            "bo:OBBOOBBO."
            "ob:BOOBBOOB."
            "bo:OBBOOBBO.");
  EXPECT_EQ(outcome.ended_by, "pairs");
  ASSERT_EQ(outcome.pairs.size(), 36u);
  size_t baseline_first = 0;
  for (size_t i = 0; i < outcome.pairs.size(); ++i) {
    const DuetPair& pair = outcome.pairs[i];
    EXPECT_EQ(pair.block, i / 3);
    baseline_first += pair.baseline_first ? 1 : 0;
    EXPECT_DOUBLE_EQ(pair.own.throughput_rps(), 10'000);
    EXPECT_DOUBLE_EQ(pair.baseline.throughput_rps(), 20'000);
    EXPECT_DOUBLE_EQ(pair.own.cpu_us_per_request(), 50);
    EXPECT_DOUBLE_EQ(pair.baseline.cpu_us_per_request(), 25);
  }
  EXPECT_EQ(baseline_first, 18u);
  EXPECT_TRUE(outcome.pairs[0].baseline_first);
  EXPECT_FALSE(outcome.pairs[1].baseline_first);
  EXPECT_FALSE(outcome.pairs[3].baseline_first);
}

TEST_F(DuetTest, TurnsTheOrderAroundFromRepetitionToRepetition) {
  rules_.repetition = 1;
  EXPECT_EQ(Play().ended_by, "pairs");
  EXPECT_TRUE(stage_.order.starts_with("ob:")) << stage_.order;
}

TEST_F(DuetTest, FindsTheLengthOfItsSlicesInTheFirstBlock) {
  rules_.slice_ns = 0;
  rules_.connections = 1000;
  rules_.pairs_max = 2;
  const DuetOutcome outcome = Play();
  EXPECT_EQ(outcome.slice_ns, 200 * kNsPerMs);  // twice 1000 / 10,000
  EXPECT_EQ(stage_.slices_ns.size(), 2u + 4 + 4);
  rules_.connections = 2000;
  stage_.slices_ns.clear();
  Play();
  std::vector<int64_t> expected(2 + 4 + 4, 400 * kNsPerMs);
  expected[0] = expected[1] = 200 * kNsPerMs;
  EXPECT_EQ(stage_.slices_ns, expected);
}

TEST(Duet, BoundsTheLengthOfItsSlices) {
  const auto pair_of = [](double own_rps, double baseline_rps) {
    DuetPair pair;
    pair.own = {.verified = own_rps, .seconds = 1};
    pair.baseline = {.verified = baseline_rps, .seconds = 1};
    return pair;
  };
  EXPECT_EQ(SliceNsFor(200, pair_of(100'000, 90'000)), kSliceMinNs);
  EXPECT_EQ(SliceNsFor(8'000, pair_of(80'000, 64'000)), 250 * kNsPerMs);
  EXPECT_EQ(SliceNsFor(16'000, pair_of(30'000, 80'000)), kSliceMaxNs);
  EXPECT_EQ(SliceNsFor(1, pair_of(0, 80'000)), kSliceMaxNs);
  EXPECT_EQ(SliceNsFor(1, DuetPair{}), kSliceMaxNs);
}

TEST(Duet, HasAsManyPairsInABlockAsFitAndAsLeaveEnoughBlocks) {
  EXPECT_EQ(PairsPerBlock(kSliceMinNs, 1000), 18u);
  EXPECT_EQ(PairsPerBlock(50 * kNsPerMs, 1000), 10u);
  EXPECT_EQ(PairsPerBlock(100 * kNsPerMs, 1000), 5u);
  EXPECT_EQ(PairsPerBlock(150 * kNsPerMs, 1000), 3u);
  EXPECT_EQ(PairsPerBlock(kSliceMaxNs, 1000), 2u);
  EXPECT_EQ(PairsPerBlock(kNsPerMs, 1000), 18u);
  const auto by_default = static_cast<size_t>(DuetSettings().pairs);
  EXPECT_EQ(by_default / PairsPerBlock(kSliceMinNs, by_default), 16u);
  EXPECT_EQ(PairsPerBlock(kSliceMinNs, 24), 2u);
  EXPECT_EQ(PairsPerBlock(kSliceMaxNs, 1), 1u);
  for (size_t pairs = kDuetRankBlocksMin; pairs < 200; ++pairs) {
    EXPECT_GE(pairs / PairsPerBlock(kSliceMinNs, pairs), kDuetRankBlocksMin) << pairs;
  }
}

TEST_F(DuetTest, BeginsNoBlockThatWouldLastForTooLong) {
  rules_.pairs_max = 1000;
  rules_.time_limit_ns = 4 * 1'600 * kNsPerMs;  // 0.4 s and 12 slices of 0.1 s each
  EXPECT_EQ(Play().pairs.size(), 4u * 5);
  rules_.time_limit_ns -= 1;
  const DuetOutcome outcome = Play();
  EXPECT_EQ(outcome.ended_by, "time_limit");
  EXPECT_EQ(outcome.pairs.size(), 3u * 5);
  rules_.time_limit_ns = 1;
  EXPECT_EQ(Play().pairs.size(), 5u);
}

TEST_F(DuetTest, TakesTheFirstBlockForNoLongerThanTheOthersThatFindNoLength) {
  rules_.pairs_max = 1000;
  rules_.slice_ns = 0;
  rules_.connections = 500;  // 100 ms, found in a pair of 200 ms
  rules_.time_limit_ns = 400 * kNsPerMs + 2 * 1'600 * kNsPerMs;
  EXPECT_EQ(Play().pairs.size(), 2u * 5);
}

TEST_F(DuetTest, EndsWhenThereIsEnoughOnceThatCanBeTold) {
  std::vector<size_t> asked;
  rules_.pairs_max = 1000;
  rules_.enough = [&](std::span<const DuetPair> pairs) {
    asked.push_back(pairs.size());
    return asked.size() == 3;
  };
  const DuetOutcome outcome = Play();
  EXPECT_EQ(outcome.ended_by, "precision");
  EXPECT_THAT(asked,
              ElementsAre(5 * kDuetBlocksMin, 5 * kDuetBlocksMin + 5, 5 * kDuetBlocksMin + 10));
  EXPECT_EQ(outcome.pairs.size(), asked.back());
}

TEST_F(DuetTest, LeavesOutPairsOfWhichAPartIsNotKnown) {
  rules_.pairs_max = 24;
  own_.late_slice = 1 + 2;  // after the warm-up
  const DuetOutcome outcome = Play();
  EXPECT_EQ(outcome.pairs_left_out, 1u);
  EXPECT_EQ(outcome.pairs.size(), 23u);
  EXPECT_EQ(outcome.pairs[1].block, 1u);
}

TEST_F(DuetTest, EndsAlsoIfNoPairIsUsable) {
  rules_.time_limit_ns = 5 * kNsPerSecond;
  rules_.connections = 1;
  FakeContender silent(stage_, 'S', 0);
  const DuetOutcome outcome = PlayBoth(silent, baseline_);
  EXPECT_EQ(outcome.ended_by, "time_limit");
  EXPECT_TRUE(outcome.pairs.empty());
  EXPECT_GT(outcome.pairs_left_out, 0u);
}

}  // namespace
}  // namespace crossover
