#include "harness/load_metrics.h"

#include <algorithm>
#include <string>
#include <string_view>

namespace crossover {
namespace {

constexpr std::string_view kMissing = "the load generator's result lacks it";

std::optional<double> NumberAt(const nlohmann::json& load, const char* pointer) {
  const nlohmann::json::json_pointer path(pointer);
  if (!load.is_object() || !load.contains(path)) return std::nullopt;
  const nlohmann::json& value = load.at(path);
  return value.is_number() ? std::optional<double>(value.get<double>()) : std::nullopt;
}

struct Source {
  std::string_view metric;
  const char* pointer;
  double scale;
};

constexpr Source kLatency[] = {
    {"latency_us_p50", "/latency_ns/p50", 1e-3}, {"latency_us_p90", "/latency_ns/p90", 1e-3},
    {"latency_us_p99", "/latency_ns/p99", 1e-3}, {"latency_us_p999", "/latency_ns/p999", 1e-3},
    {"latency_us_max", "/latency_ns/max", 1e-3}, {"latency_us_mean", "/latency_ns/mean", 1e-3},
};
constexpr Source kConnect[] = {
    {"connect_ms_p50", "/connect_ns/p50", 1e-6},
    {"connect_ms_p99", "/connect_ns/p99", 1e-6},
    {"connect_ms_max", "/connect_ns/max", 1e-6},
};
constexpr Source kPlain[] = {
    {"throughput_rps", "/throughput_rps", 1},
    {"jain_index", "/fairness/jain_index", 1},
};

void Set(Metrics& metrics, const nlohmann::json& load, const Source& source) {
  if (const auto value = NumberAt(load, source.pointer)) {
    SetMetric(metrics, source.metric, *value * source.scale);
  } else {
    SetMetricUnavailable(metrics, source.metric, kMissing);
  }
}

// A histogram of nothing has percentiles of 0: those are not measurements.
template <size_t kCount>
void SetHistogram(Metrics& metrics, const nlohmann::json& load, const char* count,
                  const Source (&sources)[kCount], std::string_view nothing) {
  const bool empty = NumberAt(load, count).value_or(0) == 0;
  for (const Source& source : sources) {
    if (empty) {
      SetMetricUnavailable(metrics, source.metric, nothing);
    } else {
      Set(metrics, load, source);
    }
  }
}

void SetClientCpu(Metrics& metrics, const nlohmann::json& load) {
  const auto cpu_seconds = NumberAt(load, "/client_cpu_seconds");
  const auto verified = NumberAt(load, "/requests/verified_in_window");
  if (cpu_seconds && verified && *verified > 0) {
    SetMetric(metrics, "client_cpu_us_per_request", *cpu_seconds * 1e6 / *verified);
  } else {
    SetMetricUnavailable(metrics, "client_cpu_us_per_request",
                         cpu_seconds && verified ? "nothing was verified in the window" : kMissing);
  }
  static const nlohmann::json::json_pointer kThreads("/client_cpu/threads");
  std::optional<double> busiest;
  if (load.is_object() && load.contains(kThreads) && load.at(kThreads).is_array()) {
    for (const nlohmann::json& thread : load.at(kThreads)) {
      if (const auto share = NumberAt(thread, "/utilization")) {
        busiest = std::max(busiest.value_or(0), *share);
      }
    }
  }
  if (busiest) {
    SetMetric(metrics, "client_cpu_utilization", *busiest);
  } else {
    SetMetricUnavailable(metrics, "client_cpu_utilization", kMissing);
  }
}

// Of an open loop: what was due in the window, and what did not come of it.
void SetOffered(Metrics& metrics, const nlohmann::json& load) {
  const auto due = NumberAt(load, "/offered/due");
  const auto seconds = NumberAt(load, "/window/seconds");
  const double not_sent =
      NumberAt(load, "/offered/shed").value_or(0) + NumberAt(load, "/offered/unsent").value_or(0);
  const double answered = NumberAt(load, "/offered/answered").value_or(0);
  const bool closed = load.is_object() && load.contains("schedule") &&
                      (load["schedule"] == "closed" || load["schedule"] == "think");
  const std::string_view without_window = closed ? kOpenLoopOnly : kMissing;
  if (due && seconds && *seconds > 0) {
    SetMetric(metrics, "offered_rps", *due / *seconds);
  } else {
    SetMetricUnavailable(metrics, "offered_rps", without_window);
  }
  const auto set_share = [&](std::string_view name, double count) {
    if (due && *due > 0) return SetMetric(metrics, name, count / *due);
    SetMetricUnavailable(metrics, name, due ? "nothing was due in the window" : without_window);
  };
  set_share("shed_share", not_sent);
  set_share("unanswered_share", due.value_or(0) - answered - not_sent);
}

}  // namespace

void SetLoadMetrics(const nlohmann::json& load, std::optional<double> connect_all_seconds,
                    Metrics& metrics) {
  for (const Source& source : kPlain) Set(metrics, load, source);
  SetHistogram(metrics, load, "/latency_ns/count", kLatency, "no response in the window");
  SetHistogram(metrics, load, "/connect_ns/count", kConnect, "no connection was established");
  SetOffered(metrics, load);
  SetClientCpu(metrics, load);
  if (connect_all_seconds) {
    SetMetric(metrics, "connect_all_seconds", *connect_all_seconds);
  } else {
    SetMetricUnavailable(metrics, "connect_all_seconds",
                         "the load generator's connected event lacks it");
  }
}

}  // namespace crossover
