// The metrics that a trial yields: names, units and directions, in the order in which every report
// and chart shows them. A new metric is one line in metric.cc.
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace crossover {

enum class Better { kLower, kHigher, kNeither };

struct MetricSpec {
  std::string_view name;  // ends in its unit where it has one
  std::string_view unit;
  Better better;
  std::string_view description;  // one line, for people
};

// All metrics, in report order. Valid for ever; any thread.
std::span<const MetricSpec> MetricCatalogue();

// The metric called `name`, or nullptr.
const MetricSpec* FindMetric(std::string_view name);

// One reading: a value, or the reason why there is none. Never 0 for "not measured".
struct MetricValue {
  std::optional<double> value;
  std::string unavailable;  // empty if there is a value
  bool operator==(const MetricValue&) const = default;
};

// Keyed by metric name. What is absent was not read.
using Metrics = std::map<std::string, MetricValue, std::less<>>;

// Records a reading under `name`, which must be in the catalogue (checked). A value that is not
// finite is recorded as unavailable, since JSON has no such number.
void SetMetric(Metrics& metrics, std::string_view name, double value);
void SetMetricUnavailable(Metrics& metrics, std::string_view name, std::string_view reason);

// Marks every metric of the catalogue that `metrics` lacks as unavailable for `reason`.
void FillMissingMetrics(Metrics& metrics, std::string_view reason);

// The value of `name`, or nullopt if it is absent or unavailable.
std::optional<double> MetricOf(const Metrics& metrics, std::string_view name);

// {"name":{"unit":..,"value":..},"name":{"unit":..,"value":null,"unavailable":"why"}}
nlohmann::json MetricsToJson(const Metrics& metrics);

// The inverse. Throws UsageError, opening with `where`, for an unknown name or a wrong type.
Metrics MetricsFromJson(const nlohmann::json& json, std::string_view where);

}  // namespace crossover
