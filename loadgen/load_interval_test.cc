// What those who follow a run are told, and how a loop's part of it gets there.
#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/error.h"
#include "base/limits.h"
#include "loadgen/json_report.h"
#include "loadgen/load_generator.h"
#include "loadgen/loop_progress.h"
#include "loadgen/test_server.h"

namespace crossover {
namespace {

using Phase = LoadInterval::Phase;

Ledger Verified(uint64_t count) {
  Ledger ledger;
  ledger.requests.scheduled = count;
  ledger.requests.verified = count;
  return ledger;
}

TEST(LoopProgress, HandsOverWhatWasRecordedOnce) {
  LoopProgress progress;
  LoadInterval first;
  progress.Record(100);
  progress.Publish(1, Verified(1), /*in_flight=*/3, /*now_ns=*/10);
  progress.Record(200);  // of the next one
  progress.CollectInto(first);
  EXPECT_EQ(first.latency.count(), 1u);
  EXPECT_EQ(first.latency.max_ns(), 100);
  EXPECT_EQ(first.ledger.requests.verified, 1u);
  EXPECT_EQ(first.in_flight, 3u);
  EXPECT_EQ(first.time_ns, 10);

  LoadInterval second;
  progress.Publish(2, Verified(2), 1, 20);
  progress.CollectInto(second);
  EXPECT_EQ(second.latency.count(), 1u);
  EXPECT_EQ(second.latency.max_ns(), 200);
}

TEST(LoopProgress, KeepsWhatNobodyCollected) {
  LoopProgress progress;
  LoadInterval interval;
  for (uint32_t asked = 1; asked <= 3; ++asked) {
    progress.Record(asked);
    progress.Publish(asked, Verified(asked), 0, asked);
  }
  progress.CollectInto(interval);
  EXPECT_EQ(interval.latency.count(), 3u);
  EXPECT_EQ(interval.ledger.requests.verified, 3u);
}

TEST(LoopProgress, AnswersForGoodWhenItHasEnded) {
  LoopProgress progress;
  EXPECT_FALSE(progress.HasPublished(1));
  progress.Publish(1, {}, 0, 0);
  EXPECT_TRUE(progress.HasPublished(1));
  EXPECT_FALSE(progress.HasPublished(2));
  progress.Publish(LoopProgress::kForGood, {}, 0, 0);
  EXPECT_TRUE(progress.HasPublished(1'000'000));
}

class LoadIntervals : public testing::TestWithParam<EngineKind> {
 protected:
  static LoadOptions Options(const std::string& url) {
    LoadOptions options;
    options.url = url;
    options.engine = GetParam();
    options.connections = 8;
    options.threads = 2;
    options.warmup_ns = 20 * kNsPerMs;
    options.duration_ns = 150 * kNsPerMs;
    options.interval_ns = limits::kIntervalMinNs;
    return options;
  }
};

INSTANTIATE_TEST_SUITE_P(Engines, LoadIntervals,
                         testing::Values(EngineKind::kEpoll, EngineKind::kIoUring),
                         [](const auto& engine) { return std::string(EngineName(engine.param)); });

TEST_P(LoadIntervals, SumUpToTheResult) {
  TestServer server([](size_t number, const std::string&) {
    return number == 20 ? TestReply{.after = TestReply::After::kReset} : TestReply{.bytes = kGood};
  });
  uint64_t verified = 0;
  uint64_t errors = 0;
  uint64_t latencies = 0;
  double seconds = 0;
  LoadInterval last;
  int64_t warming_ns = 0;
  LoadControl control;
  control.on_event = [&](const LoadEvent& event) {
    if (event.kind == LoadEvent::Kind::kWarming) warming_ns = event.time_ns;
  };
  control.on_interval = [&](const LoadInterval& interval) {
    EXPECT_GE(interval.phase, last.phase);
    EXPECT_GT(interval.time_ns, last.time_ns);
    EXPECT_LE(interval.in_flight, 8u);
    EXPECT_LE(interval.latency.count(), interval.verified);
    if (interval.phase != Phase::kConnect) {
      EXPECT_EQ(interval.latency.count(), interval.verified);
      seconds += interval.seconds;
    }
    verified += interval.verified;
    errors += interval.errors;
    latencies += interval.latency.count();
    last = interval;
  };
  const LoadResult result = crossover::Run(Options(server.url()), control);
  EXPECT_EQ(result.ledger.errors(), 1u);
  EXPECT_EQ(errors, 1u);
  EXPECT_EQ(verified, result.ledger.requests.verified);
  EXPECT_EQ(latencies, verified - 8);  // each connection is served once before
  EXPECT_EQ(last.ledger.requests.verified, verified);
  EXPECT_EQ(last.ledger.connections.established, 8u);
  EXPECT_EQ(last.in_flight, 0u);
  EXPECT_NEAR(seconds, static_cast<double>(last.time_ns - warming_ns) / 1e9, 1e-6);
}

TEST_P(LoadIntervals, ComeWhileTheWindowIsOpen) {
  TestServer server([](size_t, const std::string&) { return TestReply{.bytes = kGood}; });
  const Fd stop(eventfd(0, EFD_CLOEXEC));
  LoadOptions options = Options(server.url());
  options.warmup_ns = 0;
  options.duration_ns = 3600 * kNsPerSecond;
  size_t in_window = 0;
  LoadControl control;
  control.stop_fd = stop.get();
  control.on_interval = [&](const LoadInterval& interval) {
    EXPECT_NE(interval.phase, Phase::kWarmUp);  // there is none
    if (interval.phase != Phase::kWindow || ++in_window != 2) return;
    const uint64_t one = 1;
    ASSERT_EQ(write(stop.get(), &one, sizeof one), ssize_t{sizeof one});
  };
  const LoadResult result = crossover::Run(options, control);
  EXPECT_TRUE(result.stopped_early);
  EXPECT_EQ(result.ledger.errors(), 0u);
  EXPECT_GE(in_window, 2u);
}

TEST_P(LoadIntervals, ComeOnlyIfAskedFor) {
  TestServer server([](size_t, const std::string&) { return TestReply{.bytes = kGood}; });
  LoadOptions options = Options(server.url());
  options.interval_ns = 0;
  options.duration_ns = 20 * kNsPerMs;
  LoadControl control;
  control.on_interval = [&](const LoadInterval&) { FAIL(); };
  EXPECT_EQ(crossover::Run(options, control).ledger.errors(), 0u);
  options.interval_ns = limits::kIntervalMinNs;  // and nobody listens
  EXPECT_EQ(crossover::Run(options).ledger.errors(), 0u);
}

TEST_P(LoadIntervals, TellWhatCouldNotConnect) {
  uint64_t errors = 0;
  LoadControl control;
  control.on_interval = [&](const LoadInterval& interval) {
    EXPECT_EQ(interval.phase, Phase::kConnect);
    errors += interval.errors;
  };
  std::string url;
  {
    TestServer server([](size_t, const std::string&) { return TestReply{}; });
    url = server.url();
  }
  EXPECT_EQ(crossover::Run(Options(url), control).ledger.connections.refused, 8u);
  EXPECT_EQ(errors, 8u);
}

TEST_P(LoadIntervals, RefuseAPeriodThatIsTooShort) {
  LoadOptions options = Options("http://127.0.0.1:1/");
  for (const int64_t period_ns : {int64_t{-1}, int64_t{1}, limits::kIntervalMinNs - 1}) {
    options.interval_ns = period_ns;
    EXPECT_THROW(crossover::Run(options), UsageError);
  }
}

TEST(LoadInterval, IsALineOfJson) {
  LoadInterval interval;
  interval.phase = Phase::kWindow;
  interval.time_ns = 7;
  interval.seconds = 0.5;
  EXPECT_TRUE(ToJson(interval)["latency_ns"]["p99"].is_null());
  EXPECT_EQ(ToJson(interval)["throughput_rps"], 0);
  interval.verified = 2;
  interval.errors = 1;
  interval.in_flight = 4;
  for (const int64_t latency_ns : {100, 300}) interval.latency.Record(latency_ns);
  EXPECT_EQ(
      ToJson(interval).dump(),
      R"({"errors":1,"event":"interval","in_flight":4,"latency_ns":{"max":300,"p50":100,"p99":300},)"
      R"("phase":"window","seconds":0.5,"throughput_rps":4.0,"time_ns":7,"verified":2})");
}

}  // namespace
}  // namespace crossover
