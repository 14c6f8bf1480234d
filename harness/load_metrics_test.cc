#include "harness/load_metrics.h"

#include <gtest/gtest.h>

namespace crossover {
namespace {

nlohmann::json GoodResult() {
  const nlohmann::json times = {{"p50", 1000}, {"p90", 2000},  {"p99", 3000},  {"p999", 4000},
                                {"max", 5000}, {"mean", 1500}, {"count", 1000}};
  return {{"throughput_rps", 500.0},
          {"latency_ns", times},
          {"connect_ns", times},
          {"fairness", {{"jain_index", 0.99}}},
          {"requests", {{"verified_in_window", 1000}}},
          {"client_cpu_seconds", 0.25},
          {"client_cpu", {{"threads", {{{"utilization", 0.1}}, {{"utilization", 0.9}}}}}}};
}

TEST(LoadMetrics, AreScaledToTheirUnits) {
  Metrics metrics;
  SetLoadMetrics(GoodResult(), 1.25, metrics);
  EXPECT_EQ(MetricOf(metrics, "throughput_rps"), 500);
  EXPECT_EQ(MetricOf(metrics, "latency_us_p50"), 1);
  EXPECT_EQ(MetricOf(metrics, "latency_us_p999"), 4);
  EXPECT_EQ(MetricOf(metrics, "latency_us_mean"), 1.5);
  EXPECT_EQ(MetricOf(metrics, "connect_ms_max"), 0.005);
  EXPECT_EQ(MetricOf(metrics, "connect_all_seconds"), 1.25);
  EXPECT_EQ(MetricOf(metrics, "client_cpu_us_per_request"), 250);
  EXPECT_EQ(MetricOf(metrics, "client_cpu_utilization"), 0.9);
  EXPECT_EQ(MetricOf(metrics, "jain_index"), 0.99);
}

TEST(LoadMetrics, WhatIsMissingIsUnavailable) {
  Metrics metrics;
  SetLoadMetrics(nullptr, std::nullopt, metrics);
  EXPECT_GT(metrics.size(), 10U);
  for (const auto& [name, value] : metrics) EXPECT_FALSE(value.value) << name;
}

TEST(LoadMetrics, TellWhatAnOpenLoopOffered) {
  nlohmann::json result = GoodResult();
  result["schedule"] = "poisson";
  result["window"] = {{"seconds", 2.0}};
  result["offered"] = {{"due", 1000}, {"answered", 600}, {"shed", 250}, {"unsent", 50}};
  Metrics metrics;
  SetLoadMetrics(result, 1, metrics);
  EXPECT_EQ(MetricOf(metrics, "offered_rps"), 500);
  EXPECT_EQ(MetricOf(metrics, "shed_share"), 0.3);
  EXPECT_EQ(MetricOf(metrics, "unanswered_share"), 0.1);
  result["offered"]["due"] = 0;
  SetLoadMetrics(result, 1, metrics);
  EXPECT_EQ(MetricOf(metrics, "offered_rps"), 0);
  EXPECT_EQ(metrics.find("shed_share")->second.unavailable, "nothing was due in the window");
}

TEST(LoadMetrics, AClosedLoopOffersNothing) {
  nlohmann::json result = GoodResult();
  result["schedule"] = "closed";
  result["offered"] = nullptr;
  Metrics metrics;
  SetLoadMetrics(result, 1, metrics);
  for (const char* name : {"offered_rps", "shed_share", "unanswered_share"}) {
    EXPECT_EQ(metrics.find(name)->second.unavailable, kOpenLoopOnly) << name;
  }
}

TEST(LoadMetrics, AnEmptyHistogramHasNoPercentiles) {
  nlohmann::json result = GoodResult();
  result["latency_ns"] = {{"p50", 0}, {"p90", 0},  {"p99", 0},  {"p999", 0},
                          {"max", 0}, {"mean", 0}, {"count", 0}};
  Metrics metrics;
  SetLoadMetrics(result, 1, metrics);
  EXPECT_FALSE(MetricOf(metrics, "latency_us_p99"));
  EXPECT_EQ(metrics.find("latency_us_p99")->second.unavailable, "no response in the window");
}

}  // namespace
}  // namespace crossover
