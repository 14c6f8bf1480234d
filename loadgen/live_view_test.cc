#include "loadgen/live_view.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace crossover {
namespace {

using testing::ElementsAre;
using Kind = LoadEvent::Kind;
using Phase = LoadInterval::Phase;

LoadOptions Options() {
  LoadOptions options;
  options.connections = 1000;
  options.warmup_ns = kNsPerSecond;
  options.duration_ns = 90 * kNsPerSecond;
  options.interval_ns = 500 * kNsPerMs;
  return options;
}

// A run as it was recorded: what is told is the time of the end of an interval of half a second,
// how many were verified in it, and how long one of them took.
class Recorded {
 public:
  explicit Recorded(const LoadOptions& options) : history(options) {
    interval_.ledger.connections.asked = options.connections;
    interval_.ledger.connections.established = options.connections;
  }
  void Tell(Kind kind, double time) {
    history.Add(LoadEvent{.kind = kind, .time_ns = static_cast<int64_t>(time * 1e9)});
    interval_.phase = kind == Kind::kWarming     ? Phase::kWarmUp
                      : kind == Kind::kMeasuring ? Phase::kWindow
                                                 : Phase::kDrain;
  }
  void Tell(double time, uint64_t verified, int64_t latency_ns = kNsPerMs, double seconds = 0.5) {
    interval_.time_ns = static_cast<int64_t>(time * 1e9);
    interval_.seconds = seconds;
    interval_.verified = verified;
    interval_.in_flight = 7;
    interval_.ledger.requests.verified += verified;
    interval_.ledger.requests.verified_in_window +=
        interval_.phase == Phase::kWindow ? verified : 0;
    interval_.latency.Clear();
    for (uint64_t i = 0; i < verified; ++i) interval_.latency.Record(latency_ns);
    history.Add(interval_);
  }
  Ledger& ledger() { return interval_.ledger; }
  std::vector<std::string> Lines(size_t width = 80) const {
    return LiveLines(history.state(), width);
  }

  LiveHistory history;

 private:
  LoadInterval interval_;
};

size_t Characters(const std::string& text) {
  size_t count = 0;
  for (const char byte : text) count += (static_cast<unsigned char>(byte) & 0xC0) != 0x80;
  return count;
}

TEST(LiveLines, FollowARunFromConnectingToItsDrain) {
  Recorded run(Options());
  run.ledger().connections.established = 400;
  run.Tell(0.5, 398);
  EXPECT_THAT(
      run.Lines(),
      ElementsAre("connecting   ", "connections  400 of 1,000 established, 7 requests in flight",
                  "errors       0"));
  run.ledger().connections.established = 999;
  run.ledger().connections.refused = 1;
  run.Tell(Kind::kWarming, 1);
  EXPECT_EQ(run.Lines()[0], "warm-up      1.0 s left");
  EXPECT_EQ(run.Lines()[2], "latency      -");
  run.Tell(1.5, 600);
  EXPECT_THAT(run.Lines(),
              ElementsAre("warm-up      0.5 s left", "throughput   1,200 requests/s        █",
                          "latency      p50 1.00 ms    p99 1.00 ms    max 1.00 ms    (last 0.5 s)",
                          "connections  999 of 1,000 established, 7 requests in flight",
                          "errors       1; connections: 1 refused"));
  run.Tell(2, 300);
  run.Tell(Kind::kMeasuring, 2);
  EXPECT_EQ(run.Lines()[0], "window       1 m 30 s left");
  run.Tell(2.5, 0);
  run.Tell(3, 150, 20 * kNsPerMs);
  run.ledger().requests.reset = 3;
  run.ledger().requests.timed_out = 1'234;
  run.Tell(3.5, 100, 20 * kNsPerMs);
  EXPECT_THAT(
      run.Lines(),
      ElementsAre(
          "window       1 m 29 s left", "throughput   250 requests/s          █▅▁▃▃",
          "latency      p50 20.00 ms   p99 20.00 ms   max 20.00 ms   (last 1.0 s)",
          "connections  999 of 1,000 established, 7 requests in flight",
          "errors       1,238; requests: 3 reset, 1,234 timed out; connections: 1 refused"));
  run.Tell(Kind::kMeasured, 4);
  EXPECT_EQ(run.Lines()[0], "drain        5.0 s left at most");
  run.Tell(20, 1);  // later than it should be
  EXPECT_EQ(run.Lines()[0], "drain        0.0 s left at most");
}

TEST(LiveLines, TellHowManyRequestsOfThoseWanted) {
  LoadOptions options = Options();
  options.requests = 5000;
  Recorded run(options);
  run.Tell(Kind::kWarming, 0);
  run.Tell(Kind::kMeasuring, 1);
  run.Tell(1.5, 1234);
  EXPECT_EQ(run.Lines()[0], "window       1,234 of 5,000 requests");
}

TEST(LiveLines, AreCutToTheWidth) {
  Recorded run(Options());
  run.Tell(Kind::kWarming, 0);
  run.ledger().requests.reset = 3;
  for (int i = 1; i <= 200; ++i) run.Tell(i * 0.5, static_cast<uint64_t>(i));
  const std::vector<std::string> whole = run.Lines(1000);
  EXPECT_EQ(Characters(whole[1]), 37 + LiveState::kRatesMax);
  for (size_t width = 0; width < 120; ++width) {
    const std::vector<std::string> lines = run.Lines(width);
    ASSERT_EQ(lines.size(), 5u);
    for (size_t i = 0; i < lines.size(); ++i) {
      EXPECT_EQ(Characters(lines[i]), std::min(width, Characters(whole[i]))) << lines[i];
      EXPECT_EQ(lines[i].find_first_of("\n\033"), std::string::npos);
      EXPECT_TRUE(i == 1 || whole[i].starts_with(lines[i]));
    }
    // Of what doesn't fit, the oldest rates go first.
    EXPECT_TRUE(width <= 37 || lines[1].ends_with("█")) << lines[1];
  }
}

TEST(LiveHistory, TakesAShortIntervalForNoRate) {
  Recorded run(Options());
  run.Tell(Kind::kWarming, 0);
  run.Tell(0.5, 10);
  run.Tell(0.501, 10, kNsPerMs, 0.001);
  EXPECT_EQ(run.history.state().rates_rps.size(), 1u);
  EXPECT_EQ(run.history.state().recent_verified, 20u);
}

TEST(LiveHistory, ForgetsWhatIsOlderThanASecondOrTheLastInterval) {
  Recorded run(Options());
  run.Tell(Kind::kWarming, 0);
  for (int i = 1; i <= 10; ++i) run.Tell(i * 0.499, 10, i * kNsPerMs, 0.499);
  EXPECT_EQ(run.history.state().recent_verified, 20u);
  EXPECT_EQ(run.history.state().recent_latency.count(), 20u);
  EXPECT_EQ(run.history.state().recent_latency.max_ns(), 10 * kNsPerMs);
  run.Tell(9, 5, kNsPerMs, 4.0);
  EXPECT_EQ(run.history.state().recent_verified, 5u);
  EXPECT_EQ(run.history.state().recent_seconds, 4.0);
}

}  // namespace
}  // namespace crossover
