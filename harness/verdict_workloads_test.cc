// Verdicts where connections come and go, few are active, or requests have a rate.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "harness/verdict.h"
#include "harness/verdict_fixture.h"

namespace crossover {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST_F(Judging, LittlesLawCountsThoseThatAreToBeActive) {
  trial_.load["active"] = 20;
  trial_.load["requests_under_way"] = 20.0;
  EXPECT_THAT(Codes(trial_), IsEmpty());
  trial_.load["requests_under_way"] = 22.0;
  EXPECT_THAT(Codes(trial_), ElementsAre("littles_law"));
  trial_.load["requests_under_way"] = 18.0;
  EXPECT_THAT(Codes(trial_), ElementsAre("littles_law"));
}

TEST_F(Judging, LittlesLawIsABoundWhereConnectionsAreMadeAnew) {
  trial_.load["requests_per_connection"] = 1;
  Reconnect(5000);
  trial_.load["requests_under_way"] = 120.0;  // the other 80 are being made
  EXPECT_THAT(Codes(trial_), IsEmpty());
  trial_.load["requests_under_way"] = 210.2;
  EXPECT_THAT(Codes(trial_), ElementsAre("littles_law"));
  // Without any churn the same is an error.
  trial_.load["requests_under_way"] = 120.0;
  trial_.load["requests_per_connection"] = 0;
  Reconnect(0);
  EXPECT_THAT(Codes(trial_), ElementsAre("littles_law"));
}

TEST_F(Judging, ReconnectionsThatFailAreErrors) {
  trial_.load["requests_per_connection"] = 1;
  Reconnect(5000);
  trial_.load["reconnections"]["established"] = 4997;
  trial_.load["reconnections"]["no_port"] = 3;
  Requests()["unsent"] = 3;  // the requests that they were for
  Requests()["scheduled"] = 280'003;
  trial_.load["errors"] = 6;
  EXPECT_THAT(Codes(trial_), ElementsAre("errors"));
  EXPECT_EQ(OnlyDetail(trial_), "6 failures (not sent 3, reconnections no_port 3)");
}

TEST_F(Judging, LedgerOpenWhenTheServerAcceptedWhatNobodyBegan) {
  trial_.load["requests_per_connection"] = 1;
  Reconnect(5000);
  for (const int64_t accepted : {5000, 5200}) {  // the last on each place may wait for it still
    trial_.server_final["accepted"] = accepted;
    EXPECT_THAT(Codes(trial_), IsEmpty()) << accepted;
  }
  for (const int64_t accepted : {4999, 5201}) {
    trial_.server_final["accepted"] = accepted;
    EXPECT_THAT(Codes(trial_), ElementsAre("ledger_open")) << accepted;
    EXPECT_THAT(OnlyDetail(trial_), HasSubstr("the client accounts for 5000 to 5200")) << accepted;
  }
}

TEST_F(Judging, OverloadOfAnOpenLoopIsNoError) {
  trial_.load["schedule"] = "poisson";
  trial_.load["requests_under_way"] = 12.0;
  Requests()["shed"] = 900;
  Requests()["unsent"] = 50;
  Requests()["timed_out"] = 7;
  Requests()["in_flight_at_end"] = 3;
  Requests()["scheduled"] = 280'960;
  trial_.load["errors"] = 960;
  EXPECT_THAT(Codes(trial_), IsEmpty());
  // Any of the sent may have been answered after all, none of the others.
  trial_.server_final["requests"] = 280'010;
  EXPECT_THAT(Codes(trial_), IsEmpty());
  trial_.server_final["requests"] = 280'011;
  EXPECT_THAT(Codes(trial_), ElementsAre("ledger_open"));
}

TEST_F(Judging, ErrorsOfAnOpenLoopAreStillErrors) {
  trial_.load["schedule"] = "constant";
  Fail("wrong_status", 3, 3);
  Requests()["shed"] = 100;
  Requests()["scheduled"] = 280'103;
  trial_.load["errors"] = 103;
  EXPECT_THAT(Codes(trial_), ElementsAre("errors"));
  EXPECT_EQ(OnlyDetail(trial_), "3 failures (wrong_status 3)");
}

TEST_F(Judging, WhatIsNotSentInAClosedLoopIsAnError) {
  Requests()["unsent"] = 2;
  Requests()["scheduled"] = 280'002;
  trial_.load["errors"] = 2;
  EXPECT_EQ(OnlyDetail(trial_), "2 failures (not sent 2)");
}

TEST_F(Judging, AClientThatDidAllThatWasDueWasNoLimit) {
  trial_.load["schedule"] = "poisson";
  trial_.load["requests_under_way"] = 3.0;
  SetMetric(trial_.metrics, "server_cpus_idle", 0.2);
  SetMetric(trial_.metrics, "server_cpu_utilization", 0.79);
  trial_.load["client_cpu"]["threads"][0]["utilization"] = 0.99;
  trial_.load["offered"] = {{"due", 202'000}, {"answered", 200'000}, {"shed", 0}, {"unsent", 0}};
  EXPECT_THAT(Codes(trial_), IsEmpty());
  trial_.load["offered"]["due"] = 205'000;  // the client's 200,000 are 2.4 % less
  EXPECT_THAT(Codes(trial_), ElementsAre("client_limited"));
}

TEST_F(Judging, AServerWithTimeToSpareIsAsItShouldBeBelowItsCapacity) {
  trial_.load["schedule"] = "poisson";
  trial_.load["requests_under_way"] = 3.0;
  SetMetric(trial_.metrics, "server_cpus_idle", 0.5);
  SetMetric(trial_.metrics, "server_cpu_utilization", 0.49);
  EXPECT_THAT(Codes(trial_), IsEmpty());
}

}  // namespace
}  // namespace crossover
