#include "harness/metric.h"

#include <cmath>

#include "base/check.h"
#include "base/error.h"

namespace crossover {
namespace {

constexpr Better kLower = Better::kLower;
constexpr Better kHigher = Better::kHigher;
constexpr Better kNeither = Better::kNeither;

constexpr MetricSpec kCatalogue[] = {
    {"throughput_rps", "requests/s", kHigher, "verified responses per second of the window"},
    {"offered_rps", "requests/s", kNeither,
     "open loop: requests that were due in the window, per second"},
    {"shed_share", "ratio", kLower,
     "open loop: those of them that were not sent, since too late or by the end"},
    {"unanswered_share", "ratio", kLower,
     "open loop: those of them that were sent, and had no right answer by the end"},
    {"server_requests_per_cpu_second", "requests/s", kHigher,
     "verified responses per second of CPU that the server used"},
    {"cpu_us_per_request", "us", kLower,
     "CPU time of the server and of ksoftirqd on its CPUs, per verified response"},
    {"cpu_user_us_per_request", "us", kLower, "the part of it in user mode"},
    {"cpu_kernel_us_per_request", "us", kLower, "the part of it in the kernel"},
    {"ksoftirqd_us_per_request", "us", kLower,
     "the part of it in the kernel's ksoftirqd threads of the server's CPUs"},
    {"run_queue_wait_us_per_request", "us", kLower,
     "time that server threads stood runnable and waited for a CPU, per response"},
    {"wait_us_per_dispatch", "us", kLower, "mean wait on the run queue before each dispatch"},
    {"time_slice_us", "us", kNeither, "mean time on the CPU from dispatch to switch"},
    {"context_switches_per_request", "switches", kLower,
     "context switches of the server per response"},
    {"voluntary_switches_per_request", "switches", kLower, "those in which a thread blocked"},
    {"involuntary_switches_per_request", "switches", kLower, "those in which it was preempted"},
    {"page_faults_per_request", "faults", kLower, "page faults of the server per response"},
    {"latency_us_p50", "us", kLower, "request sent to response verified, median"},
    {"latency_us_p90", "us", kLower, "request sent to response verified, 90th percentile"},
    {"latency_us_p99", "us", kLower, "request sent to response verified, 99th percentile"},
    {"latency_us_p999", "us", kLower, "request sent to response verified, 99.9th percentile"},
    {"latency_us_max", "us", kLower, "request sent to response verified, the slowest"},
    {"latency_us_mean", "us", kLower, "request sent to response verified, mean"},
    {"connect_ms_p50", "ms", kLower, "TCP connect to established, median"},
    {"connect_ms_p99", "ms", kLower, "TCP connect to established, 99th percentile"},
    {"connect_ms_max", "ms", kLower, "TCP connect to established, the slowest"},
    {"connect_all_seconds", "s", kLower,
     "first connect until every connection is established and served once"},
    {"memory_bytes_per_connection", "bytes", kLower,
     "growth of the server's PSS, page tables and kernel stacks per connection"},
    {"socket_memory_bytes_per_connection", "bytes", kLower,
     "growth of the kernel's sockets and TCP buffers per connection, both ends"},
    {"server_cpu_utilization", "ratio", kNeither, "server CPU time / (window x its CPUs)"},
    {"server_cpus_idle", "ratio", kNeither, "idle share of the server's CPUs"},
    {"softirq_ratio", "ratio", kNeither, "share of the server's CPUs in soft interrupts"},
    {"steal_ratio", "ratio", kNeither, "share of the server's CPUs that the hypervisor took"},
    {"client_cpu_us_per_request", "us", kNeither,
     "CPU time of the load generator per verified response"},
    {"client_cpu_utilization", "ratio", kNeither, "the load generator's busiest thread"},
    {"jain_index", "ratio", kHigher, "fairness among connections: 1 is equal service"},
    {"tcp_retransmits", "segments", kLower, "segments sent again in the trial"},
    {"tcp_listen_overflows", "connections", kLower, "connections lost to a full accept queue"},
    {"tcp_listen_drops", "connections", kLower, "connection attempts dropped at the listener"},
    {"tcp_resets", "segments", kNeither, "resets sent in the trial, whole machine"},
    {"probing_ratio", "ratio", kNeither, "share of the window in which the harness read counters"},
};

}  // namespace

std::span<const MetricSpec> MetricCatalogue() { return kCatalogue; }

const MetricSpec* FindMetric(std::string_view name) {
  for (const MetricSpec& spec : kCatalogue) {
    if (spec.name == name) return &spec;
  }
  return nullptr;
}

void SetMetric(Metrics& metrics, std::string_view name, double value) {
  CHECK(FindMetric(name) != nullptr);
  if (!std::isfinite(value)) {
    SetMetricUnavailable(metrics, name, "division by zero: nothing was counted");
    return;
  }
  metrics.insert_or_assign(std::string(name), MetricValue{.value = value, .unavailable = {}});
}

void SetMetricUnavailable(Metrics& metrics, std::string_view name, std::string_view reason) {
  CHECK(FindMetric(name) != nullptr);
  CHECK(!reason.empty());
  metrics.insert_or_assign(std::string(name),
                           MetricValue{.value = std::nullopt, .unavailable = std::string(reason)});
}

void FillMissingMetrics(Metrics& metrics, std::string_view reason) {
  for (const MetricSpec& spec : kCatalogue) {
    if (!metrics.contains(spec.name)) SetMetricUnavailable(metrics, spec.name, reason);
  }
}

std::optional<double> MetricOf(const Metrics& metrics, std::string_view name) {
  const auto found = metrics.find(name);
  return found == metrics.end() ? std::nullopt : found->second.value;
}

nlohmann::json MetricsToJson(const Metrics& metrics) {
  nlohmann::json json = nlohmann::json::object();
  for (const auto& [name, reading] : metrics) {
    const MetricSpec* spec = FindMetric(name);
    CHECK(spec != nullptr);
    nlohmann::json& entry = json[name];
    entry["unit"] = spec->unit;
    if (reading.value) {
      entry["value"] = *reading.value;
    } else {
      entry["value"] = nullptr;
      entry["unavailable"] = reading.unavailable;
    }
  }
  return json;
}

Metrics MetricsFromJson(const nlohmann::json& json, std::string_view where) {
  const auto refuse = [&](const std::string& what) {
    throw UsageError(std::string(where) + ": " + what);
  };
  Metrics metrics;
  if (!json.is_object()) refuse("metrics is not an object");
  for (const auto& [name, entry] : json.items()) {
    const MetricSpec* spec = FindMetric(name);
    if (spec == nullptr) refuse("unknown metric '" + name + "'");
    if (!entry.is_object() || !entry.contains("value")) {
      refuse("metrics." + name + " has no value");
    }
    if (entry.value("unit", nlohmann::json()) != spec->unit) {
      refuse("metrics." + name + " is not in " + std::string(spec->unit));
    }
    const nlohmann::json& value = entry["value"];
    if (value.is_number()) {
      SetMetric(metrics, name, value.get<double>());
    } else if (value.is_null()) {
      const auto reason = entry.find("unavailable");
      if (reason == entry.end() || !reason->is_string() ||
          reason->get_ref<const std::string&>().empty()) {
        refuse("metrics." + name + " is null without a reason");
      }
      SetMetricUnavailable(metrics, name, reason->get_ref<const std::string&>());
    } else {
      refuse("metrics." + name + ".value is neither a number nor null");
    }
  }
  return metrics;
}

}  // namespace crossover
