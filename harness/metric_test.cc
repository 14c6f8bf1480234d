#include "harness/metric.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "base/error.h"

namespace crossover {
namespace {

using nlohmann::json;

TEST(MetricCatalogue, HasUniqueNamesAndKnownUnits) {
  const std::set<std::string_view> units = {"requests/s", "us",         "switches", "faults",
                                            "ms",         "s",          "bytes",    "ratio",
                                            "segments",   "connections"};
  std::set<std::string_view> names;
  for (const MetricSpec& spec : MetricCatalogue()) {
    EXPECT_TRUE(names.insert(spec.name).second) << spec.name;
    EXPECT_TRUE(units.contains(spec.unit)) << spec.name;
    EXPECT_FALSE(spec.description.empty()) << spec.name;
    EXPECT_EQ(FindMetric(spec.name), &spec);
  }
  EXPECT_EQ(names.size(), 40u);
  EXPECT_EQ(MetricCatalogue().front().name, "throughput_rps");
  EXPECT_EQ(FindMetric("throughput"), nullptr);
}

TEST(Metrics, KeepValuesAndReasonsThroughJson) {
  Metrics metrics;
  SetMetric(metrics, "throughput_rps", 123.25);
  SetMetricUnavailable(metrics, "time_slice_us", "taskstats is off");
  const json as_json = MetricsToJson(metrics);
  EXPECT_EQ(as_json["throughput_rps"], (json{{"unit", "requests/s"}, {"value", 123.25}}));
  EXPECT_EQ(as_json["time_slice_us"],
            (json{{"unit", "us"}, {"value", nullptr}, {"unavailable", "taskstats is off"}}));
  EXPECT_EQ(MetricsFromJson(as_json, "x"), metrics);
  EXPECT_EQ(MetricOf(metrics, "throughput_rps"), 123.25);
  EXPECT_EQ(MetricOf(metrics, "time_slice_us"), std::nullopt);
  EXPECT_EQ(MetricOf(metrics, "steal_ratio"), std::nullopt);
}

TEST(Metrics, ANumberThatJsonLacksIsUnavailable) {
  for (const double value : {HUGE_VAL, -HUGE_VAL, std::nan("")}) {
    Metrics metrics;
    SetMetric(metrics, "cpu_us_per_request", value);
    EXPECT_EQ(MetricOf(metrics, "cpu_us_per_request"), std::nullopt);
    EXPECT_FALSE(metrics["cpu_us_per_request"].unavailable.empty());
  }
}

TEST(Metrics, AreFilledWithTheReasonWhereTheyLack) {
  Metrics metrics;
  SetMetric(metrics, "jain_index", 1);
  SetMetricUnavailable(metrics, "steal_ratio", "first reason");
  FillMissingMetrics(metrics, "the server died");
  EXPECT_EQ(metrics.size(), MetricCatalogue().size());
  EXPECT_EQ(MetricOf(metrics, "jain_index"), 1);
  EXPECT_EQ(metrics["steal_ratio"].unavailable, "first reason");
  EXPECT_EQ(metrics["tcp_resets"].unavailable, "the server died");
}

TEST(Metrics, RefuseWhatIsNoMetric) {
  const auto message = [](const char* text) -> std::string {
    try {
      MetricsFromJson(json::parse(text), "trials.jsonl:3");
    } catch (const UsageError& error) {
      return error.what();
    }
    return "accepted";
  };
  EXPECT_EQ(message("[]"), "trials.jsonl:3: metrics is not an object");
  EXPECT_EQ(message(R"({"speed":{"unit":"us","value":1}})"),
            "trials.jsonl:3: unknown metric 'speed'");
  EXPECT_EQ(message(R"({"jain_index":{"unit":"us","value":1}})"),
            "trials.jsonl:3: metrics.jain_index is not in ratio");
  EXPECT_EQ(message(R"({"jain_index":{"unit":"ratio","value":null}})"),
            "trials.jsonl:3: metrics.jain_index is null without a reason");
  EXPECT_EQ(message(R"({"jain_index":{"unit":"ratio","value":"1"}})"),
            "trials.jsonl:3: metrics.jain_index.value is neither a number nor null");
  EXPECT_EQ(message(R"({"jain_index":{"unit":"ratio"}})"),
            "trials.jsonl:3: metrics.jain_index has no value");
  EXPECT_EQ(message(R"({"jain_index":7})"), "trials.jsonl:3: metrics.jain_index has no value");
}

}  // namespace
}  // namespace crossover
