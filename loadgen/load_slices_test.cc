// Runs in slices: loaded when told to, idle in between, and all accounted for.
#include <gtest/gtest.h>

#include <atomic>
#include <semaphore>
#include <thread>

#include "base/error.h"
#include "base/limits.h"
#include "loadgen/load_generator.h"
#include "loadgen/test_server.h"

namespace crossover {
namespace {

using Kind = LoadEvent::Kind;

constexpr SliceOrder kSlice{
    .settle_ns = 5 * kNsPerMs, .duration_ns = 30 * kNsPerMs, .tail_ns = 2 * kNsPerMs};

const std::string kGood = TestResponse("Crossover\n");

class LoadSlices : public testing::TestWithParam<EngineKind> {
 protected:
  static LoadOptions Options(const std::string& url) {
    LoadOptions options;
    options.url = url;
    options.engine = GetParam();
    options.connections = 8;
    options.threads = 2;
    return options;
  }

  // Three slices in which something was done. What is drained is all that the server has answered,
  // and it stays so until the next slice begins.
  static void ServesWhenTold(LoadOptions options) {
    std::atomic<uint64_t> answered{0};
    TestServer server([&](size_t number, const std::string&) {
      answered = number;
      return TestReply{.bytes = kGood};
    });
    options.url = server.url();
    std::vector<LoadEvent> events;
    int slices = 0;
    uint64_t drained = options.connections;
    LoadControl control;
    control.on_event = [&](const LoadEvent& event) { events.push_back(event); };
    control.next_slice = [&]() -> std::optional<SliceOrder> {
      EXPECT_EQ(answered, events.back().kind == Kind::kConnected ? events.back().served
                                                                 : events.back().verified);
      if (answered > drained) ++slices;
      drained = answered;
      return slices < 3 ? std::optional(kSlice) : std::nullopt;
    };
    const LoadResult result = crossover::Run(options, control);
    EXPECT_TRUE(result.ledger.Closes());
    EXPECT_EQ(result.ledger.errors(), 0u);
    EXPECT_EQ(result.ledger.requests.verified, answered);
    EXPECT_EQ(result.ledger.requests.verified_in_window, answered - options.connections);
    EXPECT_FALSE(result.stopped_early);

    ASSERT_EQ(events.size() % 3, 1u);
    for (size_t i = 1; i < events.size(); i += 3) {
      EXPECT_EQ(events[i].kind, Kind::kSliceSettled);
      EXPECT_EQ(events[i + 1].kind, Kind::kSliceOver);
      EXPECT_EQ(events[i + 2].kind, Kind::kSliceDrained);
      EXPECT_GE(events[i + 1].time_ns - events[i].time_ns, 0);
      EXPECT_GE(events[i + 2].time_ns - events[i - 1].time_ns, 32 * kNsPerMs);
      EXPECT_LE(events[i - 1].verified, events[i].verified);
      EXPECT_LE(events[i].verified, events[i + 1].verified);
      EXPECT_LE(events[i + 1].verified, events[i + 2].verified);
    }
  }
};

INSTANTIATE_TEST_SUITE_P(Engines, LoadSlices,
                         testing::Values(EngineKind::kEpoll, EngineKind::kIoUring),
                         [](const auto& engine) { return std::string(EngineName(engine.param)); });

TEST_P(LoadSlices, AreServedWhenTold) { ServesWhenTold(Options("")); }

TEST_P(LoadSlices, AreServedWithFewConnectionsActive) {
  LoadOptions options = Options("");
  options.active = 3;
  ServesWhenTold(options);
}

TEST_P(LoadSlices, AreServedWithPipelines) {
  LoadOptions options = Options("");
  options.pipeline = 4;
  ServesWhenTold(options);
}

TEST_P(LoadSlices, EndOnlyWhenWhatIsInFlightIsAnswered) {
  std::counting_semaphore<> over{0};
  TestServer server([&](size_t number, const std::string&) {
    if (number == 2) over.acquire();  // the first of the slice, on the only connection
    return TestReply{.bytes = kGood};
  });
  LoadOptions options = Options(server.url());
  options.connections = options.threads = 1;
  std::vector<LoadEvent> events;
  LoadControl control;
  control.on_event = [&](const LoadEvent& event) {
    events.push_back(event);
    if (event.kind == Kind::kSliceOver) over.release();
  };
  control.next_slice = [&]() -> std::optional<SliceOrder> {
    if (events.size() > 1) return std::nullopt;
    return SliceOrder{.settle_ns = 0, .duration_ns = 500 * kNsPerMs};
  };
  const LoadResult result = crossover::Run(options, control);
  ASSERT_EQ(events.size(), 4u);
  EXPECT_EQ(events[2].verified, 1u);
  EXPECT_EQ(events[3].verified, 2u);
  EXPECT_EQ(result.ledger.requests.scheduled, 2u);
  EXPECT_TRUE(result.flawless());
}

TEST_P(LoadSlices, GoOnUntilTheyMayDrain) {
  std::atomic<uint64_t> answered{0};
  TestServer server([&](size_t number, const std::string&) {
    answered = number;
    return TestReply{.bytes = kGood};
  });
  std::vector<LoadEvent> events;
  LoadControl control;
  control.on_event = [&](const LoadEvent& event) { events.push_back(event); };
  control.next_slice = [&]() -> std::optional<SliceOrder> {
    if (events.size() > 1) return std::nullopt;
    return SliceOrder{.duration_ns = kNsPerMs, .tail_ns = limits::kDurationMaxNs};
  };
  control.await_drain = [&](int64_t deadline_ns) {
    EXPECT_GT(deadline_ns, MonotonicNs() + kNsPerSecond);
    const uint64_t so_far = answered;
    while (answered < so_far + 100) std::this_thread::yield();
    return true;
  };
  const LoadResult result = crossover::Run(Options(server.url()), control);
  ASSERT_EQ(events.size(), 4u);
  EXPECT_GE(events[3].verified, events[2].verified + 100);
  EXPECT_TRUE(result.flawless());
}

TEST_P(LoadSlices, TellErrors) {
  TestServer server([](size_t number, const std::string&) {
    return number == 9 ? TestReply{.after = TestReply::After::kReset} : TestReply{.bytes = kGood};
  });
  std::vector<LoadEvent> events;
  LoadControl control;
  control.on_event = [&](const LoadEvent& event) { events.push_back(event); };
  control.next_slice = [&] {
    return events.back().errors == 0 ? std::optional(kSlice) : std::nullopt;
  };
  const LoadResult result = crossover::Run(Options(server.url()), control);
  EXPECT_EQ(events.back().errors, 1u);
  EXPECT_EQ(result.ledger.requests.reset, 1u);
}

TEST_P(LoadSlices, EndWithTheLastConnection) {
  TestServer server([](size_t number, const std::string&) {
    return number > 8 ? TestReply{.after = TestReply::After::kReset} : TestReply{.bytes = kGood};
  });
  LoadControl control;
  control.next_slice = [] { return std::optional(kSlice); };  // for ever
  const LoadResult result = crossover::Run(Options(server.url()), control);
  EXPECT_TRUE(result.stopped_early);
  EXPECT_EQ(result.ledger.requests.reset, 8u);
  EXPECT_TRUE(result.ledger.Closes());
}

TEST_P(LoadSlices, NeedAClosedLoopOfLastingConnections) {
  LoadControl control;
  control.next_slice = [] { return std::nullopt; };
  const auto refused = [&](auto change) {
    LoadOptions options = Options("http://127.0.0.1:1/");
    change(options);
    try {
      crossover::Run(options, control);
    } catch (const UsageError& error) {
      return std::string(error.what()).starts_with("--slices: only with a closed schedule");
    }
    return false;
  };
  EXPECT_TRUE(refused([](LoadOptions& options) { options.schedule.rate = ParseRate("100"); }));
  EXPECT_TRUE(refused([](LoadOptions& options) { options.schedule.think_ns = 1; }));
  EXPECT_TRUE(refused([](LoadOptions& options) { options.requests_per_connection = 1; }));
  EXPECT_TRUE(refused([](LoadOptions& options) { options.requests = 1; }));
  EXPECT_TRUE(refused([](LoadOptions& options) { options.interval_ns = kNsPerSecond; }));
}

}  // namespace
}  // namespace crossover
