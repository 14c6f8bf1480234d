#include "harness/model/prediction.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness/model/model_summary.h"

namespace crossover {
namespace {

using nlohmann::ordered_json;
using testing::HasSubstr;

// Costs at 200 connections, in round numbers.
CostTable Costs() {
  const auto at_200 = [](const char* name, double ns, int64_t ready = 0) {
    return StepCost{.name = name, .connections = 200, .ready = ready, .ns = ns};
  };
  const std::vector<CostReading> readings = {
      {.index = 0,
       .costs = {at_200("session", 1000), at_200("session_own_stack", 1320), at_200("receive", 600),
                 at_200("receive_empty", 200), at_200("send", 3000), at_200("rearm", 400),
                 at_200("switch_closed", 1500), at_200("request", 5000),
                 at_200("wait_closed", 500, 1), at_200("wait_closed", 2390, 64),
                 at_200("uring_request", 4200), at_200("asio_request", 6000),
                 StepCost{.name = "system_call", .ns = 100},
                 StepCost{.name = "futex_wake", .ns = 900},
                 StepCost{.name = "futex_wake_none", .ns = 200},
                 StepCost{.name = "futex_wait_changed", .ns = 300},
                 StepCost{.name = "pingpong_futex", .ns = 1700},
                 StepCost{.name = "preemption", .ns = 20'000},
                 StepCost{.name = "fiber_switch", .ns = 10}},
       .unavailable = {},
       .failed = {},
       .loopback_ns = {}}};
  return CostTable(readings);
}

ordered_json Cell(int64_t connections, const ordered_json& calls, double switches,
                  double measured_us) {
  return {{"architecture", "some"},
          {"connections", connections},
          {"workload", "hello"},
          {"verdict", {{"valid", true}}},
          {"metrics", {{"cpu_us_per_request", {{"median", measured_us}}}}},
          {"trace",
           {{"system_calls_per_request", calls},
            {"switches_per_request", switches},
            {"preemptions_per_request", 0.0},
            {"epoll_waits_by_events", ordered_json::parse("[[1, 10], [64, 10]]")}}}};
}

double PredictedUs(const ordered_json& cell, const std::string& architecture) {
  const ordered_json prediction = PredictCell(cell, architecture, Workload{}, Costs());
  EXPECT_FALSE(prediction.contains("unavailable")) << prediction;
  double sum = 0;
  for (const ordered_json& part : prediction["parts"]) sum += part["us"].get<double>();
  EXPECT_NEAR(prediction["predicted_us"].get<double>(), sum, 1e-9);
  return sum;
}

TEST(Prediction, AddsUpCountsTimesCosts) {
  const ordered_json blocking = Cell(200, {{"recvfrom", 1.0}, {"sendto", 1.0}}, 1.0, 6.1);
  // 0.3: the cold stack.
  EXPECT_NEAR(PredictedUs(blocking, "thread-per-connection"), 1.4 + 0.3 + 0.6 + 3 + 1.5 + 0.1,
              1e-9);
  const ordered_json events =
      Cell(200, {{"recvfrom", 1.5}, {"sendto", 1.0}, {"epoll_wait", 0.1}, {"getpid", 2.0}}, 0.5, 5);
  // Half a receive finds nothing; a wait costs 1,445 ns on average; two threads know each other.
  EXPECT_NEAR(PredictedUs(events, "epoll-pool"), 1.4 + 0.6 + 0.1 + 3 + 0.1445 + 0.2 + 0.6, 1e-9);
}

TEST(Prediction, TellsPreemptionsFromOtherSwitches) {
  ordered_json cell = Cell(200, {{"recvfrom", 1.0}, {"sendto", 1.0}}, 0.5, 10);
  cell["trace"]["preemptions_per_request"] = 0.125;  // and as many switches back
  EXPECT_NEAR(PredictedUs(cell, "epoll-pool"), 1.4 + 0.6 + 3 + 0.125 * 20 + 0.25 * 1.2, 1e-9);
  // Where another process preempts, no thread of the server blocks.
  cell["trace"]["preemptions_per_request"] = 0.5;
  EXPECT_NEAR(PredictedUs(cell, "epoll-pool"), 1.4 + 0.6 + 3 + 0.5 * 1.2, 1e-9);
}

TEST(Prediction, KnowsWhatNoCounterSees) {
  const ordered_json cell = Cell(200, {{"recvfrom", 1.0}, {"sendto", 1.0}}, 0, 5);
  EXPECT_NEAR(PredictedUs(cell, "fiber") - PredictedUs(cell, "event-loop"), 0.3 + 0.020, 1e-9);
  EXPECT_NEAR(PredictedUs(cell, "asio-pool") - PredictedUs(cell, "event-loop"), 6 - 5 - 4.310 / 128,
              1e-9);
  const ordered_json ring = Cell(200, {{"io_uring_enter", 0.1}}, 0, 5);
  EXPECT_NEAR(PredictedUs(ring, "io-uring-per-core"), 1 + 3.2, 1e-9);
}

TEST(Prediction, SaysWhyThereIsNone) {
  const ordered_json cell = Cell(8000, {{"recvfrom", 1.0}}, 0, 5);
  EXPECT_THAT(PredictCell(cell, "event-loop", Workload{}, Costs())["unavailable"],
              HasSubstr("\"wait_closed\" at 8000 was not measured"));
  ordered_json untraced = Cell(200, ordered_json::object(), 0, 5);
  untraced["trace"] = {{"unavailable", "not allowed"}};
  EXPECT_EQ(PredictCell(untraced, "event-loop", Workload{}, Costs())["unavailable"],
            "no trace: not allowed");
  EXPECT_TRUE(PredictCell(Cell(200, {{"recvfrom", 1.0}}, 0, 5), "event-loop",
                          Workload{.path = "/bytes/65536"}, Costs())
                  .contains("unavailable"));
  const ordered_json half_asleep = PredictCell(Cell(200, {{"recvfrom", 1.0}}, 0, 5), "event-loop",
                                               Workload{.active_percent = 10}, Costs());
  EXPECT_THAT(half_asleep["unavailable"], HasSubstr("closed loops"));
}

TEST(Prediction, IsJudgedOverValidCells) {
  ordered_json cells = ordered_json::array();
  for (const double measured : {4.4, 5.0, 10.0, 5.1}) {
    cells.push_back(Cell(200, {{"recvfrom", 1.0}, {"sendto", 1.0}}, 0, measured));
    cells.back()["prediction"] =
        PredictCell(cells.back(), "event-loop", Workload{}, Costs());  // 5 us
  }
  cells[3]["verdict"]["valid"] = false;
  ordered_json report = {{"cells", cells}, {"model", JudgePredictions(cells)}};
  EXPECT_EQ(report["model"]["cells"], 3);
  EXPECT_EQ(report["model"]["within"], 2);
  report["model"]["micro_costs"] = Costs().ToJson();
  const std::string text = RenderModelSummary(report);
  EXPECT_THAT(text, HasSubstr("in 2 of 3 valid cells"));
  EXPECT_THAT(text, HasSubstr("| some | 200 | hello | 5.00 | 10.00 | **0.50** |"));
  EXPECT_THAT(text, HasSubstr("(not valid)"));
  EXPECT_THAT(text, HasSubstr("| `wait_closed (64 ready)` | | 2,390 |"));
}

}  // namespace
}  // namespace crossover
