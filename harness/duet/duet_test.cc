#include "harness/duet/duet.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/clock.h"

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

class DuetTest : public testing::Test {
 protected:
  DuetOutcome Play() { return PlayDuet(own_, baseline_, rules_); }

  Stage stage_;
  FakeContender own_{stage_, 'O', 10'000};
  FakeContender baseline_{stage_, 'B', 20'000};
  DuetRules rules_{.connections = 200,
                   .slice_ns = 100 * kNsPerMs,
                   .pairs_max = 4,
                   .time_limit_ns = 3600 * kNsPerSecond,
                   .enough = nullptr,
                   .now_ns = [this] { return stage_.now_ns; }};
};

TEST_F(DuetTest, TurnsTheOrderAroundFromPairToPair) {
  const DuetOutcome outcome = Play();
  EXPECT_EQ(stage_.order,
            "BOOBBO"
            "OBBOOBBO");
  EXPECT_EQ(outcome.ended_by, "pairs");
  ASSERT_EQ(outcome.pairs.size(), 4u);
  EXPECT_FALSE(outcome.pairs[0].baseline_first);
  EXPECT_TRUE(outcome.pairs[1].baseline_first);
  for (const DuetPair& pair : outcome.pairs) {
    EXPECT_DOUBLE_EQ(pair.own.throughput_rps(), 10'000);
    EXPECT_DOUBLE_EQ(pair.baseline.throughput_rps(), 20'000);
    EXPECT_DOUBLE_EQ(pair.own.cpu_us_per_request(), 50);
    EXPECT_DOUBLE_EQ(pair.baseline.cpu_us_per_request(), 25);
  }
}

TEST_F(DuetTest, FindsTheLengthOfItsSlices) {
  rules_.slice_ns = 0;
  rules_.connections = 1000;
  rules_.pairs_max = 1;
  const DuetOutcome outcome = Play();
  EXPECT_EQ(outcome.slice_ns, 400 * kNsPerMs);  // four times 1000 / 10,000
  EXPECT_THAT(stage_.slices_ns,
              ElementsAre(200 * kNsPerMs, 200 * kNsPerMs, 400 * kNsPerMs, 400 * kNsPerMs,
                          400 * kNsPerMs, 400 * kNsPerMs, 400 * kNsPerMs, 400 * kNsPerMs));
}

TEST(Duet, BoundsTheLengthOfItsSlices) {
  const auto pair_of = [](double own_rps, double baseline_rps) {
    DuetPair pair;
    pair.own = {.verified = own_rps, .seconds = 1};
    pair.baseline = {.verified = baseline_rps, .seconds = 1};
    return pair;
  };
  EXPECT_EQ(SliceNsFor(200, pair_of(100'000, 90'000)), kSliceMinNs);
  EXPECT_EQ(SliceNsFor(8'000, pair_of(80'000, 64'000)), 500 * kNsPerMs);
  EXPECT_EQ(SliceNsFor(16'000, pair_of(40'000, 80'000)), kSliceMaxNs);
  EXPECT_EQ(SliceNsFor(1, pair_of(0, 80'000)), kSliceMaxNs);
  EXPECT_EQ(SliceNsFor(1, DuetPair{}), kSliceMaxNs);
}

TEST_F(DuetTest, EndsWhenItsTimeIsUp) {
  rules_.pairs_max = 1000;
  rules_.time_limit_ns = 2 * kNsPerSecond;  // that is 20 slices, 6 of them not counted
  const DuetOutcome outcome = Play();
  EXPECT_EQ(outcome.ended_by, "time_limit");
  EXPECT_EQ(outcome.pairs.size(), 7u);
}

TEST_F(DuetTest, EndsWhenThereIsEnoughOnceThatCanBeTold) {
  std::vector<size_t> asked;
  rules_.pairs_max = 1000;
  rules_.enough = [&](std::span<const DuetPair> pairs) {
    asked.push_back(pairs.size());
    return pairs.size() == kDuetPairsMin + 2;
  };
  const DuetOutcome outcome = Play();
  EXPECT_EQ(outcome.ended_by, "precision");
  EXPECT_EQ(outcome.pairs.size(), kDuetPairsMin + 2);
  EXPECT_THAT(asked, ElementsAre(kDuetPairsMin, kDuetPairsMin + 1, kDuetPairsMin + 2));
}

TEST_F(DuetTest, LeavesOutPairsOfWhichAPartIsNotKnown) {
  own_.late_slice = kDuetWarmUps + 2;
  const DuetOutcome outcome = Play();
  EXPECT_EQ(outcome.pairs_left_out, 1u);
  EXPECT_EQ(outcome.pairs.size(), 4u);
  EXPECT_EQ(own_.slices, kDuetWarmUps + 5);
}

TEST_F(DuetTest, EndsAlsoIfNoPairIsUsable) {
  rules_.time_limit_ns = kNsPerSecond;
  rules_.connections = 1;
  FakeContender silent(stage_, 'S', 0);
  const DuetOutcome outcome = PlayDuet(silent, baseline_, rules_);
  EXPECT_EQ(outcome.ended_by, "time_limit");
  EXPECT_TRUE(outcome.pairs.empty());
  EXPECT_GT(outcome.pairs_left_out, 0u);
}

}  // namespace
}  // namespace crossover
