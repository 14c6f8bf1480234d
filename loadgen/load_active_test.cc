// Few connections active at a time, and what an open schedule offers in the window.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "base/error.h"
#include "loadgen/json_report.h"
#include "loadgen/load_generator.h"
#include "loadgen/test_server.h"

namespace crossover {
namespace {

using After = TestReply::After;

TestReply Good(size_t /*number*/, const std::string& /*request*/) { return {.bytes = kGood}; }

// The most requests that were outstanding at once.
int MostAtOnce(const std::vector<RequestTimes>& trace) {
  std::vector<std::pair<int64_t, int>> edges;
  for (const RequestTimes& each : trace) {
    edges.emplace_back(each.sent_ns, 1);
    edges.emplace_back(each.done_ns, -1);  // sorts before a send at the same time
  }
  std::sort(edges.begin(), edges.end());
  int now = 0;
  int most = 0;
  for (const auto& [time_ns, step] : edges) most = std::max(most, now += step);
  return most;
}

// The fewest requests on other connections between two on the same.
size_t FewestBetween(std::vector<RequestTimes> trace) {
  std::sort(trace.begin(), trace.end(),
            [](const auto& a, const auto& b) { return a.sent_ns < b.sent_ns; });
  size_t fewest = trace.size();
  std::map<uint64_t, size_t> last;
  for (size_t i = 0; i < trace.size(); ++i) {
    const auto before = last.find(trace[i].connection);
    if (before != last.end()) fewest = std::min(fewest, i - before->second - 1);
    last[trace[i].connection] = i;
  }
  return fewest;
}

class LoadActive : public testing::TestWithParam<EngineKind> {
 protected:
  LoadOptions Options(const std::string& url) const {
    LoadOptions options;
    options.url = url;
    options.engine = GetParam();
    options.connections = 10;
    options.warmup_ns = 0;
    options.requests = 300;
    return options;
  }
};

INSTANTIATE_TEST_SUITE_P(Engines, LoadActive,
                         testing::Values(EngineKind::kEpoll, EngineKind::kIoUring),
                         [](const auto& engine) { return std::string(EngineName(engine.param)); });

TEST_P(LoadActive, AsManyAtATimeAsAskedForAndAllInTheirTurn) {
  for (const size_t threads : {1u, 2u}) {
    TestServer server(Good);
    LoadOptions options = Options(server.url());
    options.threads = threads;
    options.active = 3;
    options.trace = true;
    const LoadResult result = crossover::Run(options);
    EXPECT_TRUE(result.flawless());
    EXPECT_EQ(result.ledger.requests.verified_in_window, 300u);
    EXPECT_EQ(MostAtOnce(result.trace), 3) << threads;
    EXPECT_LE(result.requests_under_way(), 3.0);
    EXPECT_EQ(result.latency.count(), 300u);
    // Before a connection's next turn come all that were idle when it had its answer.
    if (threads == 1) {
      EXPECT_GE(FewestBetween(result.trace), 10u - 3u);
    }
    EXPECT_EQ(ToJson(result)["active"], 3);
    EXPECT_EQ(ToJson(result)["schedule"], "closed");
  }
}

TEST_P(LoadActive, AllOfThemIsTheClosedLoop) {
  TestServer server(Good);
  LoadOptions options = Options(server.url());
  options.active = options.connections;
  options.trace = true;
  const LoadResult result = crossover::Run(options);
  EXPECT_TRUE(result.flawless());
  EXPECT_EQ(MostAtOnce(result.trace), 10);
}

TEST_P(LoadActive, WhoseTurnDidNotComeIsNotStarved) {
  TestServer server(Good);
  LoadOptions options = Options(server.url());
  options.connections = 50;
  options.active = 1;
  options.requests = 20;
  const LoadResult result = crossover::Run(options);
  EXPECT_EQ(result.fairness.served, 20u);
  EXPECT_EQ(result.fairness.starved(), 0u);
  EXPECT_EQ(ToJson(result)["connections"]["unasked"], 30);
  EXPECT_TRUE(result.flawless());
}

TEST_P(LoadActive, WhoHadATurnAndNoAnswerIsStarved) {
  // The twelfth request, the second of the run, is never answered, and keeps one of two places.
  TestServer server([](size_t number, const std::string&) {
    return TestReply{.bytes = number == 12 ? std::string() : kGood};
  });
  LoadOptions options = Options(server.url());
  options.active = 2;
  options.drain_timeout_ns = kNsPerMs;
  const LoadResult result = crossover::Run(options);
  EXPECT_EQ(result.fairness.starved(), 1u);
  EXPECT_EQ(result.fairness.unasked, 0u);
  EXPECT_EQ(result.ledger.requests.in_flight_at_end, 1u);
}

TEST_P(LoadActive, WhatIsDueAfterTheWindowStarvesNobody) {
  TestServer server(Good);
  LoadOptions options = Options(server.url());
  options.requests.reset();
  options.duration_ns = kNsPerSecond;
  options.schedule.rate = ParseRate("4");  // the last in its second half
  const LoadResult result = crossover::Run(options);
  EXPECT_GE(result.fairness.unasked, 6u);
  EXPECT_TRUE(result.flawless());
}

TEST_P(LoadActive, WhatIsLostWhileActivePassesItsPlaceOn) {
  TestServer server([](size_t number, const std::string&) {
    const bool dies = number > 50 && number <= 54;  // without an answer
    return TestReply{.bytes = dies ? std::string() : kGood,
                     .after = dies ? After::kClose : After::kKeep};
  });
  LoadOptions options = Options(server.url());
  options.active = 2;
  options.trace = true;
  const LoadResult result = crossover::Run(options);
  EXPECT_EQ(result.ledger.requests.truncated, 4u);
  EXPECT_FALSE(result.stopped_early);
  EXPECT_EQ(result.ledger.requests.verified_in_window, 300u);
  EXPECT_EQ(MostAtOnce(result.trace), 2);  // both places outlive their connections
}

TEST_P(LoadActive, WhatIsLostWhileIdleIsLeftOut) {
  TestServer server([](size_t number, const std::string&) {
    const bool leaves = number > 50 && number <= 54;  // with an answer, unannounced
    return TestReply{.bytes = kGood, .after = leaves ? After::kClose : After::kKeep};
  });
  LoadOptions options = Options(server.url());
  options.active = 2;
  const LoadResult result = crossover::Run(options);
  const uint64_t met_by_a_request = result.ledger.requests.truncated + result.ledger.requests.reset;
  EXPECT_EQ(result.ledger.connections.lost + met_by_a_request, 4u);
  EXPECT_EQ(result.ledger.requests.verified_in_window, 300u);
}

TEST_P(LoadActive, EndsWhenNoConnectionIsLeft) {
  TestServer server([](size_t number, const std::string&) {
    return TestReply{.bytes = number <= 10 ? kGood : std::string(),
                     .after = number <= 10 ? After::kKeep : After::kClose};
  });
  LoadOptions options = Options(server.url());
  options.active = 2;
  const LoadResult result = crossover::Run(options);
  EXPECT_TRUE(result.stopped_early);
  EXPECT_EQ(result.ledger.requests.truncated, 10u);
}

TEST_P(LoadActive, OffersWhatIsDueInTheWindow) {
  TestServer server(Good);
  LoadOptions options = Options(server.url());
  options.requests.reset();
  options.warmup_ns = 50 * kNsPerMs;  // due in it: another 100
  options.duration_ns = 200 * kNsPerMs;
  options.schedule.rate = ParseRate("2000");
  const LoadResult result = crossover::Run(options);
  EXPECT_EQ(result.ledger.errors(), 0u);
  EXPECT_EQ(result.ledger.requests.due_in_window, 400u);
  const auto offered = ToJson(result)["offered"];
  EXPECT_EQ(offered["due"], 400);
  EXPECT_EQ(offered["answered"], 400);
  EXPECT_EQ(offered["shed"], 0);
  EXPECT_EQ(offered["unsent"], 0);
  options.schedule.rate.clear();
  EXPECT_TRUE(ToJson(crossover::Run(options))["offered"].is_null());
}

TEST_P(LoadActive, KnowsWhatItSheds) {
  TestServer server(Good);
  LoadOptions options = Options(server.url());
  options.connections = 1;
  options.requests.reset();
  options.warmup_ns = 10 * kNsPerMs;
  options.duration_ns = 20 * kNsPerMs;
  options.schedule.rate = ParseRate("10000000");  // none can keep up with it
  options.shed_after_ns = kNsPerMs;
  const LoadResult result = crossover::Run(options);
  const RequestLedger& requests = result.ledger.requests;
  EXPECT_EQ(requests.due_in_window, 200'000u);
  EXPECT_GT(requests.due_and_shed, 100'000u);
  EXPECT_LT(requests.due_and_shed, requests.shed);  // the warm-up's are not of the window
  EXPECT_EQ(requests.due_and_shed + requests.due_and_unsent + result.latency.count(), 200'000u);
}

TEST_P(LoadActive, KnowsWhatItCouldNotSend) {
  // The second request of the run is never answered, so that nothing more is sent.
  TestServer server([](size_t number, const std::string&) {
    return TestReply{.bytes = number == 2 ? std::string() : kGood};
  });
  LoadOptions options = Options(server.url());
  options.connections = 1;
  options.requests.reset();
  options.duration_ns = 100 * kNsPerMs;
  options.drain_timeout_ns = kNsPerMs;
  options.schedule.rate = ParseRate("100");
  const LoadResult result = crossover::Run(options);
  EXPECT_EQ(result.ledger.requests.due_in_window, 10u);
  EXPECT_EQ(result.ledger.requests.due_and_unsent, 9u);
  EXPECT_EQ(result.latency.count(), 0u);
}

TEST(LoadActiveOptions, RefusesWhatDoesNotGoTogether) {
  const auto refused = [](void (*spoil)(LoadOptions&)) {
    LoadOptions options;
    options.url = "http://127.0.0.1:1/";
    options.connections = 10;
    options.active = 2;
    spoil(options);
    EXPECT_THROW(crossover::Run(options), UsageError);
  };
  refused([](LoadOptions& options) { options.active = 11; });
  refused([](LoadOptions& options) { options.threads = 3; });
  refused([](LoadOptions& options) { options.pipeline = 2; });
  refused([](LoadOptions& options) { options.requests_per_connection = 2; });
  refused([](LoadOptions& options) { options.schedule.think_ns = 1; });
  refused([](LoadOptions& options) { options.schedule.rate = ParseRate("5"); });
}

}  // namespace
}  // namespace crossover
