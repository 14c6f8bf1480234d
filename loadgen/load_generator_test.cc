#include "loadgen/load_generator.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include "base/cpu_list.h"
#include "base/error.h"
#include "loadgen/json_report.h"
#include "loadgen/test_server.h"
#include "loadgen/text_report.h"

namespace crossover {
namespace {

using After = TestReply::After;

// Right answers, but for the request of that number.
TestServer::Reply GoodBut(size_t wrong, TestReply answer) {
  return [=](size_t number, const std::string&) {
    return number == wrong ? answer : TestReply{.bytes = kGood};
  };
}

TestServer::Reply Always(TestReply answer) {
  return [=](size_t, const std::string&) { return answer; };
}

// With each engine.
class LoadGenerator : public testing::TestWithParam<EngineKind> {
 protected:
  LoadOptions Options(const std::string& url) const {
    LoadOptions options;
    options.url = url;
    options.engine = GetParam();
    options.connections = 8;
    options.threads = 2;
    options.warmup_ns = 0;
    options.requests = 500;
    return options;
  }
};

INSTANTIATE_TEST_SUITE_P(Engines, LoadGenerator,
                         testing::Values(EngineKind::kEpoll, EngineKind::kIoUring),
                         [](const auto& engine) { return std::string(EngineName(engine.param)); });

TEST_P(LoadGenerator, CountsExactlyTheRequestsWanted) {
  TestServer server(Always({.bytes = kGood}));
  LoadOptions options = Options(server.url());
  options.threads = 1;  // of two, one may be done before the other begins
  const LoadResult result = crossover::Run(options);
  EXPECT_TRUE(result.flawless());
  EXPECT_FALSE(result.stopped_early);
  EXPECT_EQ(result.ledger.requests.verified_in_window, 500u);
  EXPECT_EQ(result.latency.count(), 500u);
  EXPECT_EQ(result.connect.count(), 8u);
  EXPECT_EQ(result.ledger.connections.established, 8u);
  EXPECT_EQ(result.fairness.served, 8u);
  EXPECT_GT(result.verified_fast, result.verified_full);
  EXPECT_GT(result.throughput_rps(), 0);
  EXPECT_GT(result.client_cpu_seconds(), 0);
  EXPECT_EQ(result.received_bytes, result.ledger.requests.verified * kGood.size());
}

TEST_P(LoadGenerator, HoldsTheWindowToTheNanosecond) {
  TestServer server(Always({.bytes = kGood}));
  LoadOptions options = Options(server.url());
  options.requests.reset();
  options.warmup_ns = 10 * kNsPerMs;
  options.duration_ns = 100 * kNsPerMs;
  std::vector<LoadEvent> events;
  const LoadResult result = crossover::Run(
      options, {.on_event = [&](const LoadEvent& event) { events.push_back(event); }});
  EXPECT_EQ(result.ledger.errors(), 0u);
  EXPECT_EQ(result.window_end_ns - result.window_start_ns, options.duration_ns);
  ASSERT_EQ(result.intervals.size(), 20u);
  EXPECT_EQ(result.intervals.back().end_ns, result.window_end_ns);
  uint64_t sum = 0;
  for (const Interval& interval : result.intervals) sum += interval.count;
  EXPECT_EQ(sum, result.ledger.requests.verified_in_window);
  EXPECT_LT(result.ledger.requests.verified_in_window, result.ledger.requests.verified);

  using enum LoadEvent::Kind;
  ASSERT_EQ(events.size(), 4u);
  EXPECT_EQ(events[0].kind, kConnected);
  EXPECT_EQ(events[0].established, 8u);
  EXPECT_EQ(events[0].served, 8u);
  EXPECT_EQ(events[1].kind, kWarming);
  EXPECT_EQ(events[2].kind, kMeasuring);
  EXPECT_EQ(events[2].time_ns, result.window_start_ns);
  EXPECT_EQ(events[3].kind, kMeasured);
  EXPECT_EQ(events[3].time_ns, result.window_end_ns);
}

TEST_P(LoadGenerator, FindsTheOneWrongBody) {
  TestServer server(GoodBut(100, {.bytes = TestResponse("Crossover.")}));
  const LoadResult result = crossover::Run(Options(server.url()));
  EXPECT_EQ(result.ledger.requests.wrong_body, 1u);
  EXPECT_EQ(result.ledger.errors(), 1u);
  EXPECT_EQ(result.ledger.requests.verified_in_window, 500u);
}

TEST_P(LoadGenerator, FindsTheOneWrongStatus) {
  TestServer server(GoodBut(100, {.bytes = "HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n"}));
  const LoadResult result = crossover::Run(Options(server.url()));
  EXPECT_EQ(result.ledger.requests.wrong_status, 1u);
  EXPECT_EQ(result.ledger.errors(), 1u);
}

TEST_P(LoadGenerator, FindsTheOneReset) {
  TestServer server(GoodBut(100, {.after = After::kReset}));
  const LoadResult result = crossover::Run(Options(server.url()));
  EXPECT_EQ(result.ledger.requests.reset, 1u);
  EXPECT_EQ(result.ledger.errors(), 1u);
}

TEST_P(LoadGenerator, FindsTheOneThatIsCutOff) {
  for (const size_t size : {size_t{0}, size_t{20}, kGood.size() - 1}) {
    TestServer server(GoodBut(100, {.bytes = kGood.substr(0, size), .after = After::kClose}));
    const LoadResult result = crossover::Run(Options(server.url()));
    EXPECT_EQ(result.ledger.requests.truncated, 1u) << size;
    EXPECT_EQ(result.ledger.errors(), 1u) << size;
  }
}

TEST_P(LoadGenerator, FindsTheOneThatIsMalformed) {
  for (const std::string& bytes : {std::string("nonsense\r\n\r\n"), kGood + kGood}) {
    TestServer server(GoodBut(100, {.bytes = bytes}));
    const LoadResult result = crossover::Run(Options(server.url()));
    EXPECT_EQ(result.ledger.requests.malformed, 1u);
    EXPECT_EQ(result.ledger.errors(), 1u);
  }
}

TEST_P(LoadGenerator, FindsTheOneConnectionThatCloses) {
  TestServer server(GoodBut(100, {.bytes = TestResponse("Crossover\n", "Connection: close\r\n"),
                                  .after = After::kClose}));
  const LoadResult result = crossover::Run(Options(server.url()));
  EXPECT_EQ(result.ledger.connections.lost, 1u);
  EXPECT_EQ(result.ledger.errors(), 1u);
}

TEST_P(LoadGenerator, EndsWhenNoConnectionIsLeft) {
  TestServer server([](size_t number, const std::string&) {
    return number <= 8 ? TestReply{.bytes = kGood} : TestReply{.after = After::kReset};
  });
  const LoadResult result = crossover::Run(Options(server.url()));
  EXPECT_TRUE(result.stopped_early);
  EXPECT_EQ(result.ledger.requests.verified, 8u);
  EXPECT_EQ(result.ledger.requests.reset, 8u);
  EXPECT_EQ(result.fairness.starved(), 8u);
}

TEST_P(LoadGenerator, GivesUpAServerThatNeverAnswers) {
  TestServer server(Always({}));
  LoadOptions options = Options(server.url());
  options.request_timeout_ns = 40 * kNsPerMs;
  const LoadResult result = crossover::Run(options);
  EXPECT_TRUE(result.stopped_early);
  EXPECT_EQ(result.ledger.requests.timed_out, 8u);
  EXPECT_EQ(result.ledger.connections.established, 8u);
  EXPECT_EQ(result.ledger.errors(), 8u);
}

TEST_P(LoadGenerator, TimesOutRequestsThatAreNotAnsweredAnyMore) {
  TestServer server([](size_t number, const std::string&) {
    return number <= 8 ? TestReply{.bytes = kGood} : TestReply{};
  });
  LoadOptions options = Options(server.url());
  options.request_timeout_ns = kNsPerSecond;
  const LoadResult result = crossover::Run(options);
  EXPECT_TRUE(result.stopped_early);
  EXPECT_EQ(result.ledger.requests.verified, 8u);
  EXPECT_EQ(result.ledger.requests.timed_out, 8u);
  EXPECT_EQ(result.ledger.errors(), 8u);
}

TEST_P(LoadGenerator, GoesOnWithoutAConnectionThatIsNeverServed) {
  TestServer server(GoodBut(3, {}));
  LoadOptions options = Options(server.url());
  options.threads = 1;
  options.connect_timeout_ns = kNsPerSecond;
  options.drain_timeout_ns = 20 * kNsPerMs;
  uint64_t served = 0;
  const LoadResult result = crossover::Run(options, {.on_event = [&](const LoadEvent& event) {
                                             if (event.kind == LoadEvent::Kind::kConnected) {
                                               served = event.served;
                                             }
                                           }});
  EXPECT_EQ(served, 7u);
  EXPECT_EQ(result.ledger.requests.verified_in_window, 500u);
  EXPECT_EQ(result.ledger.requests.in_flight_at_end, 1u);
  EXPECT_EQ(result.fairness.starved(), 1u);
  EXPECT_EQ(result.fairness.slowest_requests, 0u);
  EXPECT_FALSE(result.flawless());
}

TEST_P(LoadGenerator, CountsTheRefused) {
  // A port that is taken, but where nobody listens.
  const Fd taken(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  ASSERT_EQ(bind(taken.get(), reinterpret_cast<sockaddr*>(&address), length), 0);
  ASSERT_EQ(getsockname(taken.get(), reinterpret_cast<sockaddr*>(&address), &length), 0);
  const LoadResult result =
      crossover::Run(Options("http://127.0.0.1:" + std::to_string(ntohs(address.sin_port))));
  EXPECT_EQ(result.ledger.connections.refused, 8u);
  EXPECT_EQ(result.ledger.connections.established, 0u);
  EXPECT_EQ(result.ledger.requests.scheduled, 0u);
  EXPECT_EQ(result.ledger.errors(), 8u);
  EXPECT_TRUE(result.stopped_early);
  EXPECT_TRUE(ToJson(result)["latency_ns"]["p50"].is_null());
}

TEST_P(LoadGenerator, VerifiesAnEchoOfAnySize) {
  TestServer server([](size_t, const std::string& request) {
    return TestReply{.bytes = TestResponse(request.substr(request.find("\r\n\r\n") + 4))};
  });
  for (const size_t body_bytes : {size_t{0}, size_t{10}, size_t{65'536}, size_t{300'000}}) {
    LoadOptions options = Options(server.url("/echo"));
    options.method = Method::kPost;
    options.body_bytes = body_bytes;
    options.requests = 50;
    const LoadResult result = crossover::Run(options);
    EXPECT_EQ(result.ledger.errors(), 0u) << body_bytes;
    EXPECT_GT(result.verified_fast, 0u);
  }
}

TEST_P(LoadGenerator, AcceptsRightResponsesThatLookDifferent) {
  TestServer server([](size_t number, const std::string&) {
    return TestReply{.bytes = number % 2 == 0 ? kGood : TestResponse("Crossover\n", "X: y\r\n")};
  });
  const LoadResult result = crossover::Run(Options(server.url()));
  EXPECT_EQ(result.ledger.errors(), 0u);
  EXPECT_GT(result.verified_full, 100u);
}

TEST_P(LoadGenerator, SendsEveryRequestOfAnOpenScheduleOnce) {
  TestServer server(Always({.bytes = kGood}));
  for (const auto arrivals :
       {ScheduleOptions::Arrivals::kConstant, ScheduleOptions::Arrivals::kPoisson}) {
    LoadOptions options = Options(server.url());
    options.requests.reset();
    options.duration_ns = 200 * kNsPerMs;
    options.schedule.rate = ParseRate("2000");
    options.schedule.arrivals = arrivals;
    const LoadResult result = crossover::Run(options);
    EXPECT_EQ(result.ledger.errors(), 0u);
    // All that was due in the window, however late it was served; 8 more served each connection.
    uint64_t due = 0;
    const Schedule schedule(options.schedule, options.connections);
    for (uint64_t i = 0; i < options.connections; ++i) {
      double position = schedule.Position(i, 0, 0);
      for (uint64_t k = 1; schedule.DueNs(position) < options.duration_ns; ++k, ++due) {
        position = schedule.Position(i, k, position);
      }
    }
    EXPECT_EQ(result.latency.count(), due);
    EXPECT_EQ(result.ledger.requests.scheduled, due + 8);
    EXPECT_EQ(result.service.count(), due);
    EXPECT_EQ(result.lag.count(), due);
    EXPECT_GE(result.latency.mean_ns() + 1, result.service.mean_ns());
  }
}

TEST_P(LoadGenerator, TellsWhatAnOpenScheduleCouldNotSend) {
  // The second request of the run is never answered, so that nothing more is sent.
  TestServer server(GoodBut(2, {}));
  LoadOptions options = Options(server.url());
  options.connections = 1;
  options.threads = 1;
  options.requests.reset();
  options.duration_ns = 100 * kNsPerMs;
  options.drain_timeout_ns = kNsPerMs;
  options.schedule.rate = ParseRate("100");
  const LoadResult result = crossover::Run(options);
  EXPECT_EQ(result.ledger.requests.in_flight_at_end, 1u);
  EXPECT_EQ(result.ledger.requests.unsent, 9u);
  EXPECT_EQ(result.ledger.requests.scheduled, 11u);
  EXPECT_FALSE(result.flawless());
}

TEST_P(LoadGenerator, ShedsWhatIsTooLate) {
  TestServer server(Always({.bytes = kGood}));
  LoadOptions options = Options(server.url());
  options.connections = 1;
  options.threads = 1;
  options.requests.reset();
  options.duration_ns = 50 * kNsPerMs;
  options.schedule.rate = ParseRate("100000000");  // none can keep up with it
  options.shed_after_ns = kNsPerMs;
  const LoadResult result = crossover::Run(options);
  EXPECT_GT(result.ledger.requests.shed, 1000u);
  EXPECT_GT(result.ledger.requests.verified, 1u);
  EXPECT_LE(result.lag.max_ns(), options.shed_after_ns);
}

TEST_P(LoadGenerator, ThinksBetweenRequests) {
  TestServer server(Always({.bytes = kGood}));
  LoadOptions options = Options(server.url());
  options.requests = 40;
  options.schedule.think_ns = 5 * kNsPerMs;
  const LoadResult result = crossover::Run(options);
  EXPECT_EQ(result.ledger.errors(), 0u);
  // 8 connections, 5 requests each; the fifth comes after four thinks at least.
  EXPECT_GE(result.window_end_ns - result.window_start_ns, 20 * kNsPerMs);
}

TEST_P(LoadGenerator, StopsEarlyWhenTold) {
  TestServer server(Always({.bytes = kGood}));
  const Fd stop(eventfd(0, EFD_CLOEXEC));
  LoadOptions options = Options(server.url());
  options.requests.reset();
  options.duration_ns = 3600 * kNsPerSecond;
  const LoadResult result = crossover::Run(
      options, {.on_event =
                    [&](const LoadEvent& event) {
                      if (event.kind != LoadEvent::Kind::kMeasuring) return;
                      const uint64_t one = 1;
                      ASSERT_EQ(write(stop.get(), &one, sizeof one), ssize_t{sizeof one});
                    },
                .stop_fd = stop.get()});
  EXPECT_TRUE(result.stopped_early);
  EXPECT_EQ(result.ledger.errors(), 0u);
  EXPECT_LT(result.window_seconds(), 3600);
}

TEST_P(LoadGenerator, SendsNothingMoreIfItMayNotBegin) {
  TestServer server(Always({.bytes = kGood}));
  const LoadResult result =
      crossover::Run(Options(server.url()), {.may_begin = [] { return false; }});
  EXPECT_TRUE(result.stopped_early);
  EXPECT_EQ(result.ledger.requests.scheduled, 8u);
  EXPECT_EQ(result.ledger.requests.verified, 8u);
}

TEST_P(LoadGenerator, RestoresTheAffinityOfItsCaller) {
  TestServer server(Always({.bytes = kGood}));
  const std::vector<int> before = AllowedCpus();
  LoadOptions options = Options(server.url());
  options.cpus = {before.front()};
  EXPECT_EQ(crossover::Run(options).ledger.errors(), 0u);
  EXPECT_EQ(AllowedCpus(), before);
}

TEST_P(LoadGenerator, RefusesOptionsThatMakeNoSense) {
  const LoadOptions good = Options("http://127.0.0.1:1/");
  const auto refused = [&](auto change) {
    LoadOptions options = good;
    change(options);
    EXPECT_THROW(crossover::Run(options), UsageError);
  };
  refused([](LoadOptions& options) { options.connections = 0; });
  refused([](LoadOptions& options) { options.connections = 1; });  // two threads
  refused([](LoadOptions& options) { options.connections = 900'000; });
  refused([](LoadOptions& options) { options.threads = 0; });
  refused([](LoadOptions& options) { options.requests = 0; });
  refused([](LoadOptions& options) { options.connects_in_flight_max = 0; });
  refused([](LoadOptions& options) { options.body_bytes = 1; });  // of a GET
  refused([](LoadOptions& options) { options.cpus = {1023}; });
  refused([](LoadOptions& options) { options.drain_timeout_ns = 0; });
  refused([](LoadOptions& options) { options.url = "https://x/"; });
  refused([](LoadOptions& options) { options.shed_after_ns = 1; });  // of a closed schedule
  refused(
      [](LoadOptions& options) { options.schedule = {.rate = ParseRate("10"), .think_ns = 1}; });
}

TEST_P(LoadGenerator, ReportsTellTheSame) {
  TestServer server(GoodBut(100, {.after = After::kReset}));
  const LoadResult result = crossover::Run(Options(server.url()));
  const nlohmann::json json = ToJson(result);
  EXPECT_EQ(json["schema"], "crossover-load/1");
  EXPECT_EQ(json["errors"], 1);
  EXPECT_EQ(json["requests"]["reset"], 1);
  EXPECT_EQ(json["requests"]["verified_in_window"], 500);
  EXPECT_EQ(json["connections"]["asked"], 8);
  EXPECT_EQ(json["latency_ns"]["count"], 500);
  EXPECT_EQ(json["client_cpu"]["threads"].size(), 2u);
  const std::string text = ToText(result);
  EXPECT_NE(text.find("errors       1\n"), std::string::npos) << text;
  EXPECT_NE(text.find("requests: 1 reset\n"), std::string::npos) << text;
  EXPECT_NE(text.find("500 of them in the window"), std::string::npos) << text;
}

}  // namespace
}  // namespace crossover
