// Connections that are closed and made anew, several requests in flight, and several targets.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <mutex>

#include "base/error.h"
#include "loadgen/json_report.h"
#include "loadgen/load_generator.h"
#include "loadgen/test_server.h"

namespace crossover {
namespace {

using After = TestReply::After;

bool AsksToClose(const std::string& request) {
  return request.find("Connection: close\r\n") != std::string::npos;
}

// Does what it is asked to, and announces it.
TestReply Obliging(size_t /*number*/, const std::string& request) {
  if (!AsksToClose(request)) return {.bytes = kGood};
  return {.bytes = TestResponse("Crossover\n", "Connection: close\r\n"), .after = After::kClose};
}

class LoadChurn : public testing::TestWithParam<EngineKind> {
 protected:
  LoadOptions Options(const std::string& url) const {
    LoadOptions options;
    options.url = url;
    options.engine = GetParam();
    options.connections = 4;
    options.warmup_ns = 0;
    options.requests = 300;
    return options;
  }
};

INSTANTIATE_TEST_SUITE_P(Engines, LoadChurn,
                         testing::Values(EngineKind::kEpoll, EngineKind::kIoUring),
                         [](const auto& engine) { return std::string(EngineName(engine.param)); });

TEST_P(LoadChurn, EachRequestMayHaveAConnectionOfItsOwn) {
  for (const Closer closer : {Closer::kClient, Closer::kServer}) {
    TestServer server(Obliging);
    LoadOptions options = Options(server.url());
    options.requests_per_connection = 1;
    options.closer = closer;
    const LoadResult result = crossover::Run(options);
    EXPECT_TRUE(result.flawless());
    EXPECT_EQ(result.ledger.requests.verified_in_window, 300u);
    const ConnectionLedger& again = result.ledger.reconnections;
    EXPECT_EQ(again.asked, again.established);
    // Each of the four takes one request on its first connection, beside that of the connect phase.
    EXPECT_GE(again.established, result.ledger.requests.verified - 2 * 4);
    EXPECT_EQ(result.reconnect.count(), again.established);
    EXPECT_EQ(result.connect.count(), 4u);
    EXPECT_EQ(result.latency.count(), 300u);
    EXPECT_EQ(result.service.count(), 300u);
    EXPECT_EQ(ToJson(result)["reconnections"]["established"], again.established);
  }
}

TEST_P(LoadChurn, TheServerIsAskedToCloseWithTheLastRequestOnly) {
  std::mutex mutex;
  size_t all = 0;
  size_t closing = 0;
  TestServer server([&](size_t number, const std::string& request) {
    const std::lock_guard lock(mutex);
    ++all;
    if (AsksToClose(request)) ++closing;
    return Obliging(number, request);
  });
  LoadOptions options = Options(server.url());
  options.connections = 1;
  options.requests_per_connection = 10;
  options.closer = Closer::kServer;
  const LoadResult result = crossover::Run(options);
  EXPECT_TRUE(result.flawless());
  const std::lock_guard lock(mutex);
  EXPECT_EQ(all, result.ledger.requests.verified);
  EXPECT_EQ(closing, (all - 1) / 10);  // one belongs to the connect phase
}

TEST_P(LoadChurn, RequestsUnderWayAreThoseOfTheTraceWithinTheWindow) {
  TestServer server(Obliging);
  LoadOptions options = Options(server.url());
  options.trace = true;
  const LoadResult result = crossover::Run(options);
  ASSERT_TRUE(result.flawless());
  double under_way_ns = 0;
  for (const RequestTimes& each : result.trace) {
    const int64_t from_ns = std::max(each.sent_ns, result.window_start_ns);
    const int64_t until_ns = std::min(each.done_ns, result.window_end_ns);
    under_way_ns += static_cast<double>(std::max<int64_t>(until_ns - from_ns, 0));
  }
  const double expected = under_way_ns / 1e9 / result.window_seconds();
  EXPECT_NEAR(result.requests_under_way(), expected, 1e-6);
  EXPECT_GT(expected, 0);
  EXPECT_LE(expected, 4.0);
}

TEST_P(LoadChurn, FollowsAServerThatClosesWhenItLikes) {
  TestServer server([](size_t number, const std::string&) {
    if (number % 7 != 0) return TestReply{.bytes = kGood};
    return TestReply{.bytes = TestResponse("Crossover\n", "Connection: close\r\n"),
                     .after = After::kClose};
  });
  LoadOptions options = Options(server.url());
  EXPECT_EQ(crossover::Run(options).ledger.connections.lost, 4u);  // as a client that expects none
  options.closer = Closer::kServer;
  const LoadResult result = crossover::Run(options);
  EXPECT_TRUE(result.flawless());
  EXPECT_GE(result.ledger.reconnections.established, 300u / 7);
}

TEST_P(LoadChurn, AServerThatClosesWithoutAWordIsAnErrorStill) {
  TestServer server([](size_t number, const std::string&) {
    return TestReply{.bytes = number == 100 ? std::string() : kGood,
                     .after = number == 100 ? After::kClose : After::kKeep};
  });
  LoadOptions options = Options(server.url());
  options.closer = Closer::kServer;
  EXPECT_EQ(crossover::Run(options).ledger.requests.truncated, 1u);
}

TEST_P(LoadChurn, AServerThatDoesNotCloseAsAskedIsAnError) {
  TestServer server([](size_t, const std::string&) { return TestReply{.bytes = kGood}; });
  LoadOptions options = Options(server.url());
  options.requests.reset();
  options.duration_ns = 50 * kNsPerMs;
  options.drain_timeout_ns = 50 * kNsPerMs;
  options.requests_per_connection = 2;
  options.closer = Closer::kServer;
  const LoadResult result = crossover::Run(options);
  EXPECT_EQ(result.ledger.connections.lost, 4u);
  EXPECT_EQ(result.ledger.requests.verified, 4 + 4 * 2u);
}

TEST_P(LoadChurn, OpenScheduleLosesNothingBetweenConnections) {
  TestServer server(Obliging);
  LoadOptions options = Options(server.url());
  options.requests.reset();
  options.duration_ns = 200 * kNsPerMs;
  options.schedule.rate = ParseRate("1000");
  options.requests_per_connection = 3;
  const LoadResult result = crossover::Run(options);
  EXPECT_EQ(result.ledger.errors(), 0u);
  EXPECT_EQ(result.latency.count(), 200u);
  EXPECT_GT(result.ledger.reconnections.established, 50u);
}

TEST_P(LoadChurn, PipelinesAndTellsResponsesApart) {
  TestServer server([](size_t, const std::string&) { return TestReply{.bytes = kGood}; });
  LoadOptions options = Options(server.url());
  options.pipeline = 8;
  options.trace = true;
  options.warmup_ns = 20 * kNsPerMs;  // so that all are at it when the window begins
  const LoadResult result = crossover::Run(options);
  EXPECT_TRUE(result.flawless());
  EXPECT_EQ(result.ledger.requests.verified_in_window, 300u);
  EXPECT_EQ(result.received_bytes, result.ledger.requests.verified * kGood.size());
  EXPECT_GT(result.requests_under_way(), 4.0);  // more than one on each
  EXPECT_LE(result.requests_under_way(), 4 * 8.0);
  EXPECT_EQ(result.trace.size(), result.ledger.requests.verified - 4);
  for (const RequestTimes& each : result.trace) {
    EXPECT_LE(each.sent_ns, each.first_byte_ns);
    EXPECT_LE(each.first_byte_ns, each.done_ns);
  }
}

TEST_P(LoadChurn, APipelineThatBreaksLosesAllThatIsInIt) {
  TestServer server([](size_t number, const std::string&) {
    return TestReply{.bytes = number == 100 ? std::string() : kGood,
                     .after = number == 100 ? After::kClose : After::kKeep};
  });
  LoadOptions options = Options(server.url());
  options.connections = 1;
  options.pipeline = 8;
  const LoadResult result = crossover::Run(options);
  // The server leaves requests unread, so that its end resets what the client has not read either.
  EXPECT_LE(result.ledger.requests.verified, 99u);
  EXPECT_GE(result.ledger.requests.truncated + result.ledger.requests.reset, 1u);
  EXPECT_LE(result.ledger.requests.truncated + result.ledger.requests.reset, 8u);
  EXPECT_EQ(result.ledger.connections.lost, 0u);
}

TEST_P(LoadChurn, APipelinedResponseThatIsWrongIsFound) {
  TestServer server([](size_t number, const std::string&) {
    return TestReply{.bytes = number == 100 ? TestResponse("Crossover.") : kGood};
  });
  LoadOptions options = Options(server.url());
  options.pipeline = 8;
  const LoadResult result = crossover::Run(options);
  EXPECT_EQ(result.ledger.requests.wrong_body, 1u);
  EXPECT_EQ(result.ledger.errors(), 1u);
  EXPECT_EQ(result.ledger.requests.verified_in_window, 300u);
}

TEST_P(LoadChurn, SendsTargetsByTheirWeights) {
  std::mutex mutex;
  std::map<std::string, size_t> seen;
  TestServer server([&](size_t, const std::string& request) {
    const std::string path = request.substr(0, request.find(" HTTP"));
    const std::lock_guard lock(mutex);
    ++seen[path];
    return TestReply{.bytes = TestResponse(path)};  // each has its own right answer
  });
  LoadOptions options = Options(server.url());
  options.requests = 2000;
  options.targets = {{.path = "/a", .weight = 3}, {.path = "/b", .weight = 1}};
  const LoadResult result = crossover::Run(options);
  EXPECT_TRUE(result.flawless());
  ASSERT_EQ(result.window_by_target.size(), 2u);
  EXPECT_EQ(result.window_by_target[0] + result.window_by_target[1], 2000u);
  EXPECT_NEAR(static_cast<double>(result.window_by_target[0]), 1500, 100);  // 5 standard deviations
  const std::lock_guard lock(mutex);
  EXPECT_EQ(seen["GET /a"] + seen["GET /b"], result.ledger.requests.verified);
}

TEST_P(LoadChurn, ConnectsNoFasterThanAsked) {
  TestServer server([](size_t, const std::string&) { return TestReply{.bytes = kGood}; });
  LoadOptions options = Options(server.url());
  options.connect_rate = 100;
  const LoadResult result = crossover::Run(options);
  EXPECT_TRUE(result.flawless());
  EXPECT_GE(result.connect_seconds, 0.03);  // the fourth begins then
}

TEST(LoadChurnOptions, RefusesWhatDoesNotGoTogether) {
  LoadOptions options;
  options.url = "http://127.0.0.1:1/";
  options.pipeline = 2;
  options.requests_per_connection = 2;
  EXPECT_THROW(crossover::Run(options), UsageError);
  options.requests_per_connection = 0;
  options.schedule.think_ns = 1;
  EXPECT_THROW(crossover::Run(options), UsageError);
  options.schedule.think_ns = 0;
  options.method = Method::kPost;
  options.body_bytes = 10'000;  // two are more than may be in flight
  EXPECT_THROW(crossover::Run(options), UsageError);
  options = {};
  options.url = "http://127.0.0.1:1/path";
  options.targets = {{.path = "/a"}};
  EXPECT_THROW(crossover::Run(options), UsageError);
}

}  // namespace
}  // namespace crossover
