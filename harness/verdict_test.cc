#include "harness/verdict.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "harness/verdict_fixture.h"

namespace crossover {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

TEST_F(Judging, ACleanTrialIsValid) {
  EXPECT_THAT(Codes(trial_), IsEmpty());
  EXPECT_TRUE(Judge(trial_).valid());
}

TEST_F(Judging, ConnectionsShort) {
  Connections()["established"] = 190;
  Connections()["refused"] = 10;
  trial_.load["errors"] = 10;
  trial_.load["requests_under_way"] = 190.0;
  EXPECT_THAT(Codes(trial_), ElementsAre("connections_short"));
  EXPECT_EQ(OnlyDetail(trial_), "190 of 200 connections established");
}

TEST_F(Judging, StarvedBeyondOneInAThousand) {
  Connections()["starved"] = 1;
  trial_.load["fairness"]["slowest_requests"] = 0;
  EXPECT_THAT(Codes(trial_), ElementsAre("starved"));  // 1 of 200
  EXPECT_THAT(OnlyDetail(trial_), HasSubstr("1 connection served nothing"));
}

TEST_F(Judging, StarvedWithinOneInAThousandIsForTheNotes) {
  trial_.connections = 2000;
  Connections()["asked"] = 2000;
  Connections()["established"] = 2000;
  trial_.load["requests_under_way"] = 2000.0;
  Connections()["starved"] = 2;
  EXPECT_THAT(Codes(trial_), IsEmpty());
  Connections()["starved"] = 3;
  EXPECT_THAT(Codes(trial_), ElementsAre("starved"));
}

TEST_F(Judging, NoisyWhenSomethingElseUsesTheServersCpus) {
  SetMetric(trial_.metrics, "server_cpus_idle", 0.02);
  SetMetric(trial_.metrics, "steal_ratio", 0.01);
  SetMetric(trial_.metrics, "server_cpu_utilization", 0.93);
  EXPECT_THAT(Codes(trial_), IsEmpty());
  SetMetric(trial_.metrics, "server_cpu_utilization", 0.90);
  EXPECT_THAT(Codes(trial_), ElementsAre("noisy"));
  EXPECT_THAT(OnlyDetail(trial_), HasSubstr("something else used 7.0 %"));
}

TEST_F(Judging, LedgerOpenWhenTheProbesWindowIsNotTheClients) {
  const double seconds = trial_.load["window"]["seconds"];
  for (const double same : {0.981, 1.0, 1.019}) {
    trial_.probe_seconds = same * seconds;
    EXPECT_THAT(Codes(trial_), IsEmpty()) << same;
  }
  for (const double other : {0.97, 1.03, 1.1}) {
    trial_.probe_seconds = other * seconds;
    EXPECT_THAT(Codes(trial_), ElementsAre("ledger_open")) << other;
    EXPECT_THAT(OnlyDetail(trial_), HasSubstr("the probes were read")) << other;
  }
}

TEST_F(Judging, ErrorsOfEveryOutcome) {
  for (const char* outcome : {"wrong_status", "wrong_body"}) {
    trial_ = CleanEvidence();
    Fail(outcome, 3, 3);
    EXPECT_THAT(Codes(trial_), ElementsAre("errors")) << outcome;
    EXPECT_EQ(OnlyDetail(trial_), "3 failures (" + std::string(outcome) + " 3)");
  }
  // The server may or may not have sent what did not arrive whole.
  for (const char* outcome : {"malformed", "truncated", "reset", "timed_out", "in_flight_at_end"}) {
    for (const int64_t sent : {0, 2, 3}) {
      trial_ = CleanEvidence();
      Fail(outcome, 3, sent);
      EXPECT_THAT(Codes(trial_), ElementsAre("errors")) << outcome << " " << sent;
    }
  }
}

TEST_F(Judging, ErrorsThatOnlyTheServerCounted) {
  for (const char* counter :
       {"protocol_errors", "accept_errors", "thread_failures", "timeouts", "rejected"}) {
    trial_ = CleanEvidence();
    trial_.server_final[counter] = 2;
    EXPECT_THAT(Codes(trial_), ElementsAre("errors")) << counter;
    EXPECT_EQ(OnlyDetail(trial_), "the server counted " + std::string(counter) + " 2");
  }
}

TEST_F(Judging, ErrorsThatNoRequestShows) {
  trial_.load["errors"] = 5;
  EXPECT_THAT(Codes(trial_), ElementsAre("errors"));
  EXPECT_EQ(OnlyDetail(trial_), "5 failures");
  Connections()["lost"] = 5;
  EXPECT_EQ(OnlyDetail(trial_), "5 failures (connections lost 5)");
}

TEST_F(Judging, ClientLimitedNeedsAnIdleServerAndABusyClient) {
  SetMetric(trial_.metrics, "server_cpus_idle", 0.12);
  EXPECT_THAT(Codes(trial_), IsEmpty());
  trial_.load["client_cpu"]["threads"].push_back({{"utilization", 0.99}});
  EXPECT_THAT(Codes(trial_), ElementsAre("client_limited"));
  EXPECT_EQ(OnlyDetail(trial_), "server CPUs 12.0 % idle while a client thread ran at 99.0 %");
  SetMetric(trial_.metrics, "server_cpus_idle", 0.05);
  EXPECT_THAT(Codes(trial_), IsEmpty());
  SetMetric(trial_.metrics, "server_cpus_idle", 0.051);
  EXPECT_THAT(Codes(trial_), ElementsAre("client_limited"));
  trial_.load["client_cpu"]["threads"][1]["utilization"] = 0.951;
  EXPECT_THAT(Codes(trial_), ElementsAre("client_limited"));
  trial_.load["client_cpu"]["threads"][1]["utilization"] = 0.95;
  EXPECT_THAT(Codes(trial_), IsEmpty());
}

TEST_F(Judging, ClientLimitedIsAlsoOneThatIsKeptFromItsCpu) {
  nlohmann::json& thread = trial_.load["client_cpu"]["threads"][0];
  const double seconds = trial_.load["window"]["seconds"];
  thread["waiting_seconds"] = 0.5 * seconds;
  EXPECT_THAT(Codes(trial_), IsEmpty());  // the server has enough to do
  SetMetric(trial_.metrics, "server_cpus_idle", 0.12);
  thread["waiting_seconds"] = 0.1 * seconds;
  EXPECT_THAT(Codes(trial_), IsEmpty());
  thread["waiting_seconds"] = 0.5 * seconds;
  EXPECT_THAT(Codes(trial_), ElementsAre("client_limited"));
  EXPECT_EQ(OnlyDetail(trial_),
            "a client thread was kept waiting for its CPU for 50.0 % of the window");
  trial_.client_cpus = 0;  // it shares those of the server
  EXPECT_THAT(Codes(trial_), IsEmpty());
  trial_.client_cpus = 1;
  thread["waiting_seconds"] = nullptr;
  EXPECT_THAT(Codes(trial_), IsEmpty());
}

TEST_F(Judging, IdlenessThatIsUnknownAccusesNobody) {
  trial_.load["client_cpu"]["threads"][0]["utilization"] = 1.0;
  SetMetricUnavailable(trial_.metrics, "server_cpus_idle", "no /proc");
  EXPECT_THAT(Codes(trial_), IsEmpty());
}

TEST_F(Judging, NotSteadyNeedsATrendThatIsSureAndLarge) {
  SetIntervals({15000, 16000, 17000, 18000, 19000, 20000, 21000, 22000, 23000, 24000});
  EXPECT_THAT(Codes(trial_), ElementsAre("not_steady"));
  EXPECT_THAT(OnlyDetail(trial_), HasSubstr("rose by 46 %"));  // 9000 / 19500
  SetIntervals({24000, 23000, 22000, 21000, 20000, 19000, 18000, 17000, 16000, 15000});
  EXPECT_THAT(OnlyDetail(trial_), HasSubstr("fell by 46 %"));
  // Sure but small: 9.8 % across the window; 10.2 % is not.
  SetIntervals({20000, 20230, 20460, 20690, 20920, 21150, 21380, 21610, 21840, 22070});
  EXPECT_THAT(Codes(trial_), IsEmpty());
  SetIntervals({20000, 20240, 20480, 20720, 20960, 21200, 21440, 21680, 21920, 22160});
  EXPECT_THAT(Codes(trial_), ElementsAre("not_steady"));
  // Large but not a trend.
  SetIntervals({15000, 24000, 16000, 23000, 17000, 22000, 18000, 21000, 19000, 20000});
  EXPECT_THAT(Codes(trial_), IsEmpty());
}

TEST_F(Judging, NotSteadyIsAlsoAStep) {
  std::vector<int64_t> rates;
  for (int64_t i = 0; i < 24; ++i) rates.push_back((i < 16 ? 20'000 : 15'000) + i * 7 % 5);
  SetIntervals(rates);
  EXPECT_THAT(Codes(trial_), ElementsAre("not_steady"));
  EXPECT_THAT(OnlyDetail(trial_), StartsWith("throughput fell by 25 % about "));
  for (size_t i = 16; i < rates.size(); ++i) rates[i] += 3'500;  // 7.5 %
  SetIntervals(rates);
  EXPECT_THAT(Codes(trial_), IsEmpty());
}

TEST_F(Judging, NotSteadyNeedsMoreThanTheMachineDoes) {
  SetIntervals({15000, 16000, 17000, 18000, 19000, 20000, 21000, 22000, 23000, 24000});  // 46 %
  const auto set_loops = [&](std::vector<std::optional<double>> loops_ns) {
    trial_.canary_history.clear();
    for (const auto& ns : loops_ns) trial_.canary_history.push_back({.loopback_ns = ns});
  };
  set_loops({3e6, 5e6, 3e6, std::nullopt, 5e6, 3e6, 5e6});  // falls by 40 %
  EXPECT_THAT(OnlyDetail(trial_), HasSubstr("rose by 46 % across the window (p < 0.0001)"));
  EXPECT_THAT(OnlyDetail(trial_), HasSubstr("; the machine by itself: 40 %"));
  set_loops({3e6, 6e6, 3e6, std::nullopt, 6e6, 3e6, 6e6});  // by 50 %
  EXPECT_THAT(Codes(trial_), IsEmpty());
  std::vector<int64_t> collapse;
  for (int64_t i = 0; i < 24; ++i) collapse.push_back((i < 16 ? 20'000 : 1000) + i * 7 % 5);
  SetIntervals(collapse);
  EXPECT_THAT(Codes(trial_), ElementsAre("not_steady"));
  // Slow for one half of the run and fast for the other is no change within a window.
  set_loops({3e6, 3e6, 3e6, 3e6, 3e6, 3e6, 6e6, 6e6, 6e6, 6e6, 6e6, 6e6});
  SetIntervals({15000, 16000, 17000, 18000, 19000, 20000, 21000, 22000, 23000, 24000});
  EXPECT_THAT(Codes(trial_), ElementsAre("not_steady"));
  set_loops({3e6, 6e6, 3e6, 6e6, 3e6});  // too few to tell
  EXPECT_THAT(Codes(trial_), ElementsAre("not_steady"));
}

TEST_F(Judging, NotSteadySaysWhatWarmUpWouldHelp) {
  std::vector<int64_t> rates;
  for (int64_t i = 0; i < 24; ++i) rates.push_back((i < 8 ? 14'000 : 20'000) + i * 7 % 5);
  SetIntervals(rates);
  EXPECT_THAT(OnlyDetail(trial_),
              HasSubstr("; steady from 1.3 s on: if it was warming up, add so much to \"warmup\""));
  for (size_t i = 0; i < 8; ++i) rates[i] += 12'000;  // a fall is nothing that a warm-up does
  SetIntervals(rates);
  EXPECT_THAT(OnlyDetail(trial_), Not(HasSubstr("warm")));
}

TEST_F(Judging, NotSteadyIsSeenInManyIntervals) {
  std::vector<int64_t> many;
  for (int64_t i = 0; i < 950; ++i) many.push_back(1000 + i + (i % 7) * 20);
  SetIntervals(many);
  EXPECT_THAT(Codes(trial_), ElementsAre("not_steady"));
}

TEST_F(Judging, NoisyBySteal) {
  SetMetric(trial_.metrics, "steal_ratio", 0.031);
  EXPECT_THAT(Codes(trial_), ElementsAre("noisy"));
  EXPECT_THAT(OnlyDetail(trial_), HasSubstr("3.1 %"));
  SetMetric(trial_.metrics, "steal_ratio", 0.0201);
  EXPECT_THAT(Codes(trial_), ElementsAre("noisy"));
  SetMetric(trial_.metrics, "steal_ratio", 0.02);
  EXPECT_THAT(Codes(trial_), IsEmpty());
}

TEST_F(Judging, NoisyByEitherCanaryInEitherDirection) {
  trial_.canary = CanaryReading{.user_ns = 1510, .syscall_ns = 500};
  EXPECT_THAT(Codes(trial_), ElementsAre("noisy"));
  EXPECT_EQ(OnlyDetail(trial_), "the user canary took 1.51 times its median so far");
  trial_.canary = CanaryReading{.user_ns = 1000, .syscall_ns = 200};
  EXPECT_EQ(OnlyDetail(trial_), "the system-call canary took 0.40 times its median so far");
  trial_.canary = CanaryReading{.user_ns = 1490, .syscall_ns = 255};
  EXPECT_THAT(Codes(trial_), IsEmpty());
}

TEST_F(Judging, ACanaryWithLittleHistoryAccusesNobody) {
  trial_.canary = CanaryReading{.user_ns = 9000, .syscall_ns = 9000};
  trial_.canary_history.resize(2);
  EXPECT_THAT(Codes(trial_), IsEmpty());
}

TEST_F(Judging, LittlesLaw) {
  trial_.load["requests_under_way"] = 188.0;
  EXPECT_THAT(Codes(trial_), ElementsAre("littles_law"));
  EXPECT_EQ(OnlyDetail(trial_),
            "requests under way by their times were 188.0 on average, not 200 (-6.0 %)");
  trial_.load["requests_under_way"] = 210.2;  // 5.1 % over
  EXPECT_THAT(Codes(trial_), ElementsAre("littles_law"));
  trial_.load["requests_under_way"] = 209.8;  // 4.9 % over
  EXPECT_THAT(Codes(trial_), IsEmpty());
  trial_.load["requests_under_way"] = 400.0;
  trial_.load["schedule"] = "poisson";  // it holds in a closed loop only
  EXPECT_THAT(Codes(trial_), IsEmpty());
}

TEST_F(Judging, LittlesLawOfAnOldRecordTakesItsMeanLatency) {
  trial_.load.erase("requests_under_way");
  EXPECT_THAT(Codes(trial_), IsEmpty());
  trial_.load["latency_ns"]["mean"] = 3'760'000.0;  // x 50,000/s = 188
  EXPECT_THAT(Codes(trial_), ElementsAre("littles_law"));
}

TEST_F(Judging, LedgerOpenWhenServerAndClientDisagreeByOne) {
  for (const int64_t sent : {279'999, 280'001}) {
    trial_.server_final["requests"] = sent;
    EXPECT_THAT(Codes(trial_), ElementsAre("ledger_open")) << sent;
    EXPECT_THAT(OnlyDetail(trial_), HasSubstr("the client accounts for 280000"));
  }
}

TEST_F(Judging, LedgerOpenBeyondWhatFailuresExplain) {
  Fail("reset", 3, 4);  // one more than ever was scheduled
  EXPECT_THAT(Codes(trial_), ElementsAre("errors", "ledger_open"));
  Fail("reset", 3, -1);  // one less than was verified
  EXPECT_THAT(Codes(trial_), ElementsAre("errors", "ledger_open"));
  trial_ = CleanEvidence();
  Fail("wrong_status", 3, 2);  // a whole response that the server never sent
  EXPECT_THAT(Codes(trial_), ElementsAre("errors", "ledger_open"));
  trial_.server_final["rejected"] = 1;  // ... unless it is a 503, which is counted there
  EXPECT_THAT(Codes(trial_), ElementsAre("errors"));
}

TEST_F(Judging, LedgerClosesOverAnswersToWhatWasNoRequest) {
  for (const char* counter : {"timeouts", "protocol_errors"}) {
    trial_ = CleanEvidence();
    trial_.server_final[counter] = 2;  // two responses that the client never asked for
    trial_.server_final["requests"] = 280'002;
    EXPECT_THAT(Codes(trial_), ElementsAre("errors")) << counter;
    trial_.server_final["requests"] = 280'003;
    EXPECT_THAT(Codes(trial_), ElementsAre("errors", "ledger_open")) << counter;
  }
}

TEST_F(Judging, LedgerOpenWhenTheClientsOwnDoesNotClose) {
  Requests()["scheduled"] = 280'001;
  EXPECT_THAT(Codes(trial_), ElementsAre("ledger_open"));
  trial_ = CleanEvidence();
  Connections()["asked"] = 201;  // closes, but over more connections than the trial asked for
  Connections()["refused"] = 1;
  EXPECT_THAT(Codes(trial_), ElementsAre("ledger_open"));
  trial_ = CleanEvidence();
  Connections()["established"] = 199;  // the 200th is in no outcome
  EXPECT_THAT(Codes(trial_), ElementsAre("connections_short", "ledger_open"));
}

TEST_F(Judging, LedgerOpenWithoutTheServersCounters) {
  trial_.server_final = nullptr;
  EXPECT_THAT(Codes(trial_), ElementsAre("ledger_open"));
  trial_ = CleanEvidence();
  trial_.server_before = nullptr;
  EXPECT_THAT(Codes(trial_), ElementsAre("ledger_open"));
}

TEST_F(Judging, LedgerOpenWhenTheWindowsDiffer) {
  // 200,020 counted in the window; allowed: 200 on their way and 5 % of 200,000, either way.
  trial_.server_before["requests"] = 79'950 - 10'180;
  EXPECT_THAT(Codes(trial_), IsEmpty());
  trial_.server_before["requests"] = 79'950 - 10'181;
  EXPECT_THAT(Codes(trial_), ElementsAre("ledger_open"));
  EXPECT_THAT(OnlyDetail(trial_), HasSubstr("210201 responses and the client 200000"));
  trial_.server_before["requests"] = 79'950 + 10'220;
  EXPECT_THAT(Codes(trial_), IsEmpty());
  trial_.server_before["requests"] = 79'950 + 10'221;
  EXPECT_THAT(Codes(trial_), ElementsAre("ledger_open"));
}

TEST_F(Judging, TheWindowsMayBeApartAndOfOtherLengths) {
  // Asked 400 ms late at the end: 10 % more of both time and responses.
  trial_.server_after["time_ns"] = trial_.server_after["time_ns"].get<int64_t>() + 400'000'000;
  trial_.server_after["requests"] = 299'970;
  trial_.server_final["requests"] = 280'000;
  EXPECT_THAT(Codes(trial_), IsEmpty());
  trial_.server_after["time_ns"] = trial_.server_before["time_ns"];
  EXPECT_THAT(Codes(trial_), ElementsAre("ledger_open"));
}

TEST_F(Judging, FailedStandsAlone) {
  Connections()["starved"] = 1;
  trial_.failure = "the server was killed\nby signal 9";
  EXPECT_THAT(Codes(trial_), ElementsAre("failed"));
  EXPECT_EQ(OnlyDetail(trial_), "the server was killed by signal 9");
}

TEST_F(Judging, FailedWithoutAResultThatCanBeRead) {
  trial_.load = nullptr;
  EXPECT_THAT(Codes(trial_), ElementsAre("failed"));
  trial_.load = nlohmann::json::array();
  EXPECT_THAT(Codes(trial_), ElementsAre("failed"));
  // Each part that is judged is missed if it is not there.
  for (const char* key :
       {"schedule", "window", "throughput_rps", "latency_ns", "connections", "fairness", "requests",
        "errors", "intervals", "client_cpu", "stopped_early"}) {
    trial_ = CleanEvidence();
    trial_.load.erase(key);
    EXPECT_THAT(Codes(trial_), ElementsAre("failed")) << key;
    EXPECT_THAT(OnlyDetail(trial_), HasSubstr(key));
    trial_.load[key] = nlohmann::json::array({nullptr});
    EXPECT_THAT(Codes(trial_), ElementsAre("failed")) << key;
  }
}

TEST_F(Judging, FailedWhenStoppedEarly) {
  trial_.load["stopped_early"] = true;
  EXPECT_THAT(Codes(trial_), ElementsAre("failed"));
}

TEST_F(Judging, AWindowWithoutAResponseIsNotAPuzzle) {
  Requests()["verified_in_window"] = 0;
  Connections()["starved"] = 200;
  trial_.load["throughput_rps"] = 0.0;
  trial_.load["latency_ns"] = {{"mean", nullptr}, {"count", 0}};
  trial_.load["fairness"] = {{"jain_index", nullptr}, {"slowest_requests", 0}};
  trial_.server_after["requests"] = 79'960;
  SetIntervals({0, 0, 0, 0, 0, 0, 0, 0, 0, 0});
  EXPECT_THAT(Codes(trial_), ElementsAre("starved"));
}

TEST(VerdictCodes, AreInReportOrderAndGoIntoJson) {
  EXPECT_EQ(VerdictCodes().size(), 9u);
  const Verdict verdict{.reasons = {{.code = "noisy", .detail = "steal"}}};
  EXPECT_EQ(ToJson(verdict).dump(),
            R"({"reasons":[{"code":"noisy","detail":"steal"}],"valid":false})");
  EXPECT_EQ(ToJson(Verdict{}).dump(), R"({"reasons":[],"valid":true})");
}

}  // namespace
}  // namespace crossover
