#include "harness/profile/cell_profile.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>

#include "base/error.h"
#include "harness/profile/frame_classes.h"
#include "harness/profile/instrument.h"
#include "harness/report.h"
#include "harness/sample_trial.h"

namespace crossover {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;
using testing::HasSubstr;

// A slice of a quarter of a second. `cpu_ns` negative: not known.
json Slice(bool on, double cpu_ns, double requests) {
  return ToJson(InstrumentSlice{
      .on = on, .begin_ns = 0, .end_ns = 250'000'000, .cpu_ns = cpu_ns, .requests = requests});
}

// A run of one cell with one profile trial and one trace trial, both of them flawless.
class CellProfileTest : public testing::Test {
 protected:
  CellProfileTest() {
    log_ = CleanLog(3);
    log_.run.experiment.profile.emplace();
    log_.run.experiment.trace.emplace();
    Add(Pass::kProfile, {{"samples", 100},
                         {"samples_of_others", 7},
                         {"samples_lost", 3},
                         {"period_ns", 1'000'000},
                         {"file", "profiles/old-100.folded"},
                         {"slices",
                          {Slice(true, 6e7, 1000), Slice(false, 5e7, 1000), Slice(false, 5e7, 1000),
                           Slice(true, 5e7, 1000)}}});
    Add(Pass::kTrace, {{"requests", 500.0},
                       {"events", 9000},
                       {"events_lost", 1},
                       {"switches", 1000},
                       {"preemptions", 50},
                       {"wakings", 950},
                       {"wakings_across_cpus", 25},
                       {"run_queue_ns", {{"count", 950}, {"p50", 4000}}},
                       {"off_cpu", {{"futex", {{"ns", 5'000'000}, {"count", 900}}}}},
                       {"system_calls", {{"epoll_wait", 250}, {"sendto", 500}}},
                       {"epoll_waits_by_events", {{1, 200}, {2, 50}}}});
    stacks_["profiles/old-100.folded"] = ParseFolded(
        "_start;crossover::EpollLoop::Run;do_syscall_64_[k];schedule_[k] 50\n"
        "_start;crossover::EpollLoop::Run;do_syscall_64_[k];tcp_sendmsg_[k];try_to_wake_up_[k] 20\n"
        "_start;crossover::EpollLoop::Run;do_syscall_64_[k];tcp_sendmsg_[k] 10\n"
        "_start;crossover::HttpSession::Read 12\n"
        "main;Unheard 5\n"
        "main;Unseen 3\n",
        "x");
  }

  void Add(Pass pass, json findings) {
    TrialRecord trial = CleanTrial(log_.trials.size(), 0, "old", 100, 0);
    trial.pass = pass;
    trial.findings = std::move(findings);
    log_.trials.push_back(trial);
  }

  TrialRecord& ProfileTrial() { return log_.trials[log_.trials.size() - 2]; }
  TrialRecord& TraceTrial() { return log_.trials.back(); }
  ordered_json Profile() { return ProfileToJson(GatherCells(log_)[0], stacks_); }
  ordered_json Trace() { return TraceToJson(GatherCells(log_)[0]); }

  TrialLog log_;
  StacksByFile stacks_;
};

const ordered_json& ClassNamed(const ordered_json& profile, const std::string& name) {
  for (const ordered_json& each : profile["classes"]) {
    if (each["class"] == name) return each;
  }
  ADD_FAILURE() << name;
  return profile["classes"].front();
}

TEST_F(CellProfileTest, SharesTheCpuPerRequestOut) {
  // Of the throughput trials, whose median it is.
  const double cpu_us = *SummariseMetric(GatherCells(log_)[0], "cpu_us_per_request").median;
  const ordered_json profile = Profile();
  EXPECT_EQ(profile["trials"], 1u);
  EXPECT_EQ(profile["samples"], 100u);
  EXPECT_EQ(profile["samples_lost"], 3u);
  EXPECT_EQ(profile["classes_version"], BuiltInFrameClasses().version());
  ASSERT_EQ(profile["classes"].size(), BuiltInFrameClasses().classes().size());
  double shares = 0;
  double us = 0;
  for (const ordered_json& each : profile["classes"]) {
    shares += each["share"].get<double>();
    us += each["cpu_us_per_request"].get<double>();
  }
  EXPECT_NEAR(shares, 1, 1e-12);
  EXPECT_NEAR(us, cpu_us, 1e-9);
  const ordered_json& switching = ClassNamed(profile, "scheduler_switch");
  EXPECT_DOUBLE_EQ(switching["share"].get<double>(), 0.5);
  EXPECT_DOUBLE_EQ(switching["share_error"].get<double>(), 0.05);
  EXPECT_NEAR(switching["cpu_us_per_request"].get<double>(), cpu_us / 2, 1e-9);
  EXPECT_DOUBLE_EQ(ClassNamed(profile, "tcp_send")["share"].get<double>(), 0.1);
  EXPECT_DOUBLE_EQ(ClassNamed(profile, "http")["share"].get<double>(), 0.12);
  EXPECT_DOUBLE_EQ(profile["scheduler_share"].get<double>(), 0.7);
  EXPECT_EQ(profile["files"].dump(), R"(["profiles/old-100.folded"])");
}

TEST_F(CellProfileTest, SaysWhatIsInTheClassOfTheRest) {
  const ordered_json profile = Profile();
  EXPECT_EQ(ClassNamed(profile, "other")["frames"].dump(),
            R"([{"function":"Unheard","share":0.05},{"function":"Unseen","share":0.03}])");
  EXPECT_EQ(profile["top"][0].dump(),
            R"({"function":"_start","kernel":false,"flat":0,"cumulative":92})");
}

TEST_F(CellProfileTest, SetsSamplesBesideTheKernelsAccount) {
  ordered_json profile = Profile();
  EXPECT_DOUBLE_EQ(profile["cpu_seconds_sampled"].get<double>(), 0.1);
  EXPECT_DOUBLE_EQ(profile["cpu_seconds_accounted"].get<double>(), 0.11);  // of the slices on
  ProfileTrial().findings["slices"][1]["cpu_ns"] = nullptr;                // off: not of interest
  EXPECT_DOUBLE_EQ(Profile()["cpu_seconds_accounted"].get<double>(), 0.11);
  ProfileTrial().findings["slices"][0]["cpu_ns"] = nullptr;
  EXPECT_TRUE(Profile()["cpu_seconds_accounted"].is_null());
}

TEST_F(CellProfileTest, AddsTrialsUp) {
  log_.run.experiment.profile->repetitions = 2;
  json findings = ProfileTrial().findings;
  findings["file"] = "profiles/old-100-2.folded";
  Add(Pass::kProfile, findings);
  log_.trials.back().repetition = 1;
  stacks_["profiles/old-100-2.folded"] = ParseFolded("_start;schedule_[k] 100\n", "x");
  const ordered_json profile = Profile();
  EXPECT_EQ(profile["samples"], 200u);
  EXPECT_EQ(profile["samples_lost"], 6u);
  EXPECT_DOUBLE_EQ(profile["cpu_seconds_sampled"].get<double>(), 0.2);
  EXPECT_DOUBLE_EQ(ClassNamed(profile, "scheduler_switch")["share"].get<double>(), 0.75);
}

TEST_F(CellProfileTest, HasNoCpuPerRequestWhereThatIsNotKnown) {
  for (TrialRecord& trial : log_.trials) {
    SetMetricUnavailable(trial.metrics, "cpu_us_per_request", "refused");
  }
  const ordered_json profile = Profile();
  EXPECT_TRUE(ClassNamed(profile, "http")["cpu_us_per_request"].is_null());
  EXPECT_DOUBLE_EQ(ClassNamed(profile, "http")["share"].get<double>(), 0.12);
}

TEST_F(CellProfileTest, SaysWhyThereIsNoProfile) {
  const auto why = [&] { return Profile()["unavailable"].get<std::string>(); };
  stacks_.clear();
  EXPECT_EQ(why(), "profiles/old-100.folded is missing or damaged");
  stacks_["profiles/old-100.folded"] = {};
  EXPECT_EQ(why(), "no sample fell on the server");
  ProfileTrial().findings = {{"unavailable", "perf_event_open: refused"}};
  EXPECT_EQ(why(), "perf_event_open: refused");
  ProfileTrial().findings = nullptr;
  EXPECT_EQ(why(), "the trial left no findings");
  ProfileTrial().verdict.reasons = {{.code = "failed", .detail = "the server died"}};
  EXPECT_EQ(why(), "the trial failed: the server died");
  log_.trials.erase(log_.trials.end() - 2);
  EXPECT_TRUE(Profile().is_null());
}

TEST_F(CellProfileTest, SaysWhyEvenIfALaterTrialHadNoSample) {
  log_.run.experiment.profile->repetitions = 2;
  json findings = ProfileTrial().findings;
  ProfileTrial().findings = {{"unavailable", "perf_event_open: refused"}};
  findings["file"] = "profiles/old-100-2.folded";
  Add(Pass::kProfile, findings);
  stacks_["profiles/old-100-2.folded"] = {};
  EXPECT_EQ(Profile()["unavailable"], "perf_event_open: refused");
}

TEST_F(CellProfileTest, DividesTheTraceByItsRequests) {
  const ordered_json trace = Trace();
  EXPECT_DOUBLE_EQ(trace["requests"].get<double>(), 500);
  EXPECT_DOUBLE_EQ(trace["switches_per_request"].get<double>(), 2);
  EXPECT_DOUBLE_EQ(trace["preemptions_per_request"].get<double>(), 0.1);
  EXPECT_DOUBLE_EQ(trace["wakings_per_request"].get<double>(), 1.9);
  EXPECT_DOUBLE_EQ(trace["wakings_across_cpus_per_request"].get<double>(), 0.05);
  EXPECT_EQ(trace["off_cpu_us_per_request"].dump(), R"({"futex":10.0})");
  EXPECT_EQ(trace["system_calls_per_request"].dump(), R"({"epoll_wait":0.5,"sendto":1.0})");
  EXPECT_EQ(trace["epoll_waits_by_events"].dump(), "[[1,200],[2,50]]");
  EXPECT_EQ(trace["run_queue_ns"]["p50"], 4000);
  EXPECT_EQ(trace["events_lost"], 1u);
}

TEST_F(CellProfileTest, SaysWhyThereIsNoTrace) {
  const auto why = [&] { return Trace()["unavailable"].get<std::string>(); };
  TraceTrial().findings["requests"] = 0.0;
  EXPECT_THAT(why(), HasSubstr("no request was verified"));
  TraceTrial().findings = {{"unavailable", "tracepoints need root"}};
  EXPECT_EQ(why(), "tracepoints need root");
  TraceTrial().findings = nullptr;
  EXPECT_EQ(why(), "the trial left no findings");
  log_.trials.pop_back();
  EXPECT_TRUE(Trace().is_null());
}

TEST_F(CellProfileTest, HasAPrediction) {
  log_.run.experiment.cost_readings = 1;
  CostReading reading;
  for (const char* name : {"session", "receive", "receive_empty", "send", "request",
                           "switch_closed", "session_own_stack"}) {
    reading.costs.push_back({.name = name, .connections = 100, .ns = 1000});
  }
  for (const int64_t ready : {1, 64}) {
    reading.costs.push_back({.name = "wait_closed", .connections = 100, .ready = ready, .ns = 500});
  }
  for (const char* name : {"system_call", "pingpong_futex", "futex_wake_none", "preemption",
                           "futex_wait_changed", "fiber_switch"}) {
    reading.costs.push_back({.name = name, .ns = 100});
  }
  log_.costs = {reading};
  const ordered_json prediction = BuildReport(log_, stacks_)["cells"][0]["prediction"];
  EXPECT_FALSE(prediction.contains("unavailable")) << prediction;
  EXPECT_GT(prediction["predicted_us"], 0);
}

TEST_F(CellProfileTest, GivesTheReasonsOfItsTrials) {
  ProfileTrial().verdict.reasons = {{.code = "noisy", .detail = "steal 5 %"}};
  EXPECT_EQ(Profile()["reasons"].dump(), R"([{"code":"noisy","detail":"steal 5 %"}])");
  EXPECT_EQ(Trace()["reasons"].dump(), "[]");
}

TEST_F(CellProfileTest, ReadsStacksFromTheRunsFiles) {
  std::string pattern = testing::TempDir() + "/stacksXXXXXX";
  ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
  const std::filesystem::path directory = pattern;
  EXPECT_TRUE(ReadStacks(directory, log_).empty());  // it isn't there
  std::filesystem::create_directory(directory / "profiles");
  const std::filesystem::path file = directory / "profiles/old-100.folded";
  std::ofstream(file) << ToFolded(stacks_.begin()->second);
  EXPECT_EQ(ReadStacks(directory, log_), stacks_);
  std::ofstream(file) << "garbage\n";
  EXPECT_TRUE(ReadStacks(directory, log_).empty());  // and the report of the rest can be written
  std::filesystem::remove_all(directory);
}

class InstrumentCostTest : public testing::Test {
 protected:
  ordered_json Cost(const json& slices) {
    log_.trials.clear();
    TrialRecord trial = CleanTrial(0, 0, "old", 100, 0);
    trial.pass = Pass::kProfile;
    trial.findings = {{"slices", slices}};
    log_.trials.push_back(trial);
    return InstrumentCost(log_, Pass::kProfile);
  }

  TrialLog log_ = CleanLog(1);
};

TEST_F(InstrumentCostTest, ComparesSlicesThatStandSideBySide) {
  // 1.2 times and 1.25 times; the fifth has no other.
  const ordered_json cost =
      Cost({Slice(true, 1200, 10), Slice(false, 1000, 10), Slice(false, 800, 10),
            Slice(true, 2000, 20), Slice(true, 9e9, 10)});
  EXPECT_EQ(cost["pairs"], 2u);
  EXPECT_NEAR(cost["cpu_per_request_ratio"].get<double>(), std::sqrt(1.2 * 1.25), 1e-9);
  EXPECT_LT(cost["ci95_low"].get<double>(), 1.2);
  EXPECT_GT(cost["ci95_high"].get<double>(), 1.25);
}

TEST_F(InstrumentCostTest, ComparesAStretchWithWhatSurroundsIt) {
  const ordered_json cost =
      Cost({Slice(false, 900, 10), Slice(false, 1000, 10), Slice(true, 1200, 10),
            Slice(true, 1200, 10), Slice(false, 1100, 10), Slice(false, 1000, 10)});
  EXPECT_EQ(cost["pairs"], 1u);
  EXPECT_NEAR(cost["cpu_per_request_ratio"].get<double>(), 1.2, 1e-9);
}

TEST_F(InstrumentCostTest, LeavesOutWhatCannotBeCompared) {
  const ordered_json cost = Cost({Slice(true, -1, 10), Slice(false, 1000, 10),   // no CPU time
                                  Slice(true, 1000, 0), Slice(false, 1000, 10),  // no requests
                                  Slice(true, 1000, 10), Slice(true, 1000, 10),  // both on
                                  Slice(true, 1100, 10), Slice(false, 1000, 10)});
  EXPECT_EQ(cost["pairs"], 1u);
  EXPECT_NEAR(cost["cpu_per_request_ratio"].get<double>(), 1.1, 1e-9);
  EXPECT_TRUE(cost["ci95_low"].is_null());
}

TEST_F(InstrumentCostTest, ComparesReadingTheCountersWithTheSliceBesideIt) {
  json slices = {Slice(true, 1200, 10),  Slice(false, 1000, 10), Slice(false, 1100, 10),
                 Slice(true, 1200, 10),  Slice(true, 1200, 10),  Slice(false, 2100, 20),
                 Slice(false, 1000, 10), Slice(true, 1300, 10),  Slice(true, 1300, 10)};
  slices[2]["counters"] = slices[5]["counters"] = true;
  // 1.2 times and 1.3 times: the slices with the counters are left out.
  EXPECT_NEAR(Cost(slices)["cpu_per_request_ratio"].get<double>(), std::sqrt(1.2 * 1.3), 1e-9);
  const ordered_json counters = CountersCost(log_);
  EXPECT_EQ(counters["pairs"], 2u);
  EXPECT_NEAR(counters["cpu_per_request_ratio"].get<double>(), std::sqrt(1.1 * 1.05), 1e-9);
}

TEST_F(InstrumentCostTest, ComparesNoCountersWhereNoneWereRead) {
  Cost({Slice(true, 1200, 10), Slice(false, 1000, 10), Slice(false, 1000, 10),
        Slice(true, 1200, 10)});
  EXPECT_TRUE(CountersCost(log_).is_null());
}

TEST_F(InstrumentCostTest, IsNullWithoutSuchSlices) {
  EXPECT_TRUE(Cost(json::array()).is_null());
  EXPECT_TRUE(Cost({Slice(true, -1, 10), Slice(true, -1, 10)}).is_null());
  Cost({Slice(true, 1100, 10), Slice(false, 1000, 10)});
  EXPECT_TRUE(InstrumentCost(log_, Pass::kTrace).is_null());
  log_.trials[0].findings = nullptr;
  EXPECT_TRUE(InstrumentCost(log_, Pass::kProfile).is_null());
}

}  // namespace
}  // namespace crossover
