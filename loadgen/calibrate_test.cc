#include "loadgen/calibrate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/eventfd.h>

#include "base/error.h"
#include "base/fd.h"

namespace crossover {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

TEST(CalibrationConnectionsTest, AreTheUsualOnesAndWhatIsAsked) {
  EXPECT_THAT(CalibrationConnections(std::nullopt, 20'000, 1), ElementsAre(1, 200, 8000));
  EXPECT_THAT(CalibrationConnections(16'000, 20'000, 1), ElementsAre(1, 200, 16'000));
  EXPECT_THAT(CalibrationConnections(50, 20'000, 1), ElementsAre(1, 50, 200));
  EXPECT_THAT(CalibrationConnections(200, 20'000, 1), ElementsAre(1, 200));
}

TEST(CalibrationConnectionsTest, AreNoMoreThanOpenFilesPermit) {
  const std::vector<size_t> some = CalibrationConnections(std::nullopt, 1024, 1);
  ASSERT_EQ(some.size(), 3u);
  EXPECT_LT(some.back(), 1024u);
  EXPECT_GT(some.back(), 800u);
  EXPECT_LT(CalibrationConnections(std::nullopt, 1024, 64).back(), some.back());
  EXPECT_THAT(CalibrationConnections(std::nullopt, 10, 1), ElementsAre(1));
}

TEST(AssignCpusTest, GivesTheResponderOneOfItsOwnWhereThereIsOne) {
  using Cpus = CalibrationCpus;
  EXPECT_EQ(AssignCpus({2, 5, 7}, {}, 1), (Cpus{.responder = 2, .client = {5}}));
  EXPECT_EQ(AssignCpus({2, 5, 7}, {}, 2), (Cpus{.responder = 2, .client = {5, 7}}));
  EXPECT_EQ(AssignCpus({2, 5, 7}, {}, 8), (Cpus{.responder = 2, .client = {5, 7}}));
  EXPECT_EQ(AssignCpus({2, 5, 7}, {2, 5}, 2), (Cpus{.responder = 7, .client = {2, 5}}));
  EXPECT_EQ(AssignCpus({2, 5}, {2, 5}, 1), (Cpus{.responder = 5, .client = {2}}));
}

TEST(AssignCpusTest, SaysThatOneIsShared) {
  using Cpus = CalibrationCpus;
  EXPECT_EQ(AssignCpus({3}, {}, 1), (Cpus{.responder = 3, .client = {3}, .shared = true}));
  EXPECT_EQ(AssignCpus({2, 5}, {2, 5}, 2),
            (Cpus{.responder = 2, .client = {2, 5}, .shared = true}));
}

TEST(BottleneckTest, IsWhoseCpuIsFull) {
  EXPECT_EQ(BottleneckOf(0.5, 0.5, false), Bottleneck::kNeither);
  EXPECT_EQ(BottleneckOf(0.95, 0.5, false), Bottleneck::kClient);
  EXPECT_EQ(BottleneckOf(0.5, 0.95, false), Bottleneck::kResponder);
  EXPECT_EQ(BottleneckOf(0.95, 0.95, false), Bottleneck::kBoth);
  EXPECT_EQ(BottleneckOf(0.5, 0.45, true), Bottleneck::kSharedCpu);
  EXPECT_EQ(BottleneckOf(0.3, 0.4, true), Bottleneck::kNeither);
}

CalibrationOptions Short() {
  CalibrationOptions options;
  options.connections = 4;
  options.engine = EngineKind::kEpoll;
  options.warmup_ns = 0;
  options.duration_ns = 100 * kNsPerMs;
  return options;
}

TEST(CalibrateTest, RunsEachNumberOfConnections) {
  const Calibration calibration = Calibrate(Short());
  ASSERT_EQ(calibration.runs.size(), 3u);
  const size_t connections[] = {1, 4, 200};
  for (size_t i = 0; i < 3; ++i) {
    const CalibrationRun& run = calibration.runs[i];
    EXPECT_EQ(run.load.ledger.connections.established, connections[i]);
    EXPECT_EQ(run.load.ledger.errors(), 0u);
    EXPECT_EQ(run.load.engine.kind, EngineKind::kEpoll);
    EXPECT_EQ(run.load.options.threads, 1u);
    EXPECT_EQ(run.load.options.cpus, calibration.cpus.client);
    EXPECT_GT(run.responder_utilization, 0);
    EXPECT_GT(run.requests_per_cpu_second(), 0);
    EXPECT_LE(run.load.throughput_rps(), calibration.fastest()->load.throughput_rps());
  }
  EXPECT_FALSE(calibration.stopped_early);
}

TEST(CalibrateTest, EndsWithTheRunThatIsStopped) {
  const Fd stop(eventfd(1, EFD_CLOEXEC));
  const Calibration calibration = Calibrate(Short(), stop.get());
  EXPECT_EQ(calibration.runs.size(), 1u);
  EXPECT_TRUE(calibration.stopped_early);
  EXPECT_FALSE(calibration.flawless());
  EXPECT_THAT(ToText(calibration), HasSubstr("stopped early"));
}

TEST(CalibrateTest, RefusesWhatDoesNotFitBeforeItRuns) {
  for (const size_t connections : {size_t{0}, size_t{1'000'001}}) {
    CalibrationOptions options = Short();
    options.connections = connections;
    EXPECT_THROW(Calibrate(options), UsageError);
  }
  CalibrationOptions options = Short();
  options.threads = 5000;
  EXPECT_THROW(Calibrate(options), UsageError);
}

Calibration Made(uint64_t verified, uint64_t reset) {
  CalibrationRun run;
  run.load.window_end_ns = kNsPerSecond;
  run.load.ledger.requests.verified_in_window = verified;
  run.load.ledger.requests.reset = reset;
  run.load.threads = {{.cpu_seconds = 0.5, .utilization = 0.95}};
  run.load.latency.Record(40 * kNsPerUs);
  run.bottleneck = Bottleneck::kClient;
  Calibration calibration;
  calibration.cpus = {.responder = 3, .client = {4, 5}};
  calibration.runs = {run};
  return calibration;
}

TEST(CalibrationTextTest, TellsTheFiguresAndWhatLimitedThem) {
  const std::string text = ToText(Made(50'000, 0));
  EXPECT_THAT(text, HasSubstr("null responder on CPU 3, client on CPU 4-5\n"));
  EXPECT_THAT(text, HasSubstr("50,000"));
  EXPECT_THAT(text, HasSubstr("100,000"));  // per second of CPU
  EXPECT_THAT(text, HasSubstr("the load generator's ceiling"));
  EXPECT_THAT(text, HasSubstr("ledger: flawless"));
  EXPECT_THAT(text, Not(HasSubstr("FLAWED")));
}

TEST(CalibrationTextTest, TellsWhatIsWrong) {
  Calibration calibration = Made(50'000, 1);
  calibration.cpus = {.responder = 3, .client = {3}, .shared = true};
  calibration.io_uring_reason = "io_uring_setup: Operation not permitted";
  EXPECT_FALSE(calibration.flawless());
  const std::string text = ToText(calibration);
  EXPECT_THAT(text, HasSubstr("share"));
  EXPECT_THAT(text, HasSubstr("without io_uring: io_uring_setup"));
  EXPECT_THAT(text, HasSubstr("ledger: FLAWED"));
}

TEST(CalibrationJsonTest, HasTheFiguresAndNullForWhatCantBeHad) {
  const nlohmann::json json = ToJson(Made(50'000, 0));
  EXPECT_EQ(json["schema"], "crossover-calibration/1");
  EXPECT_EQ(json["responder_cpu"], 3);
  EXPECT_EQ(json["client_cpus"], nlohmann::json({4, 5}));
  EXPECT_EQ(json["runs"][0], json["fastest"]);
  EXPECT_EQ(json["fastest"]["throughput_rps"], 50'000.0);
  EXPECT_EQ(json["fastest"]["requests_per_client_cpu_second"], 100'000.0);
  EXPECT_EQ(json["fastest"]["limited_by"], "client");
  EXPECT_EQ(json["flawless"], true);

  const nlohmann::json none = ToJson(Calibration{});
  EXPECT_EQ(none["fastest"], nullptr);
  EXPECT_EQ(none["flawless"], false);
  Calibration idle;
  idle.runs.emplace_back();
  const nlohmann::json empty = ToJson(idle)["fastest"];
  EXPECT_EQ(empty["requests_per_client_cpu_second"], nullptr);
  EXPECT_EQ(empty["latency_ns"]["p50"], nullptr);
}

}  // namespace
}  // namespace crossover
