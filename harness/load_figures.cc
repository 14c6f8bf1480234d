#include "harness/load_figures.h"

#include <algorithm>
#include <array>

#include "base/json_node.h"

namespace crossover {
namespace {

constexpr std::array<std::string_view, 6> kRequestFailures = {
    "wrong_status", "wrong_body", "malformed", "truncated", "reset", "timed_out"};
constexpr std::array<std::string_view, 5> kConnectFailures = {"refused", "timed_out", "reset",
                                                              "no_port", "other"};
constexpr size_t kTrendValuesMax = 100;  // more intervals are merged; the test is quadratic

int64_t CountOf(const JsonNode& object, std::string_view key) {
  return object.Require(key).Integer(0, INT64_MAX);
}

double NumberOf(const JsonNode& object, std::string_view key) {
  return object.Require(key).Number();
}

// What load generators of before 2026-11-26 don't tell is 0.
int64_t OptionalCount(const JsonNode& object, std::string_view key) {
  const auto member = object.Find(key);
  return member ? member->Integer(0, INT64_MAX) : 0;
}

void ReadConnections(const JsonNode& connections, LoadFigures& load) {
  load.asked = CountOf(connections, "asked");
  load.established = CountOf(connections, "established");
  load.starved = CountOf(connections, "starved");
  for (const std::string_view key : kConnectFailures) {
    load.connect_failures += CountOf(connections, key);
  }
  // Established, then closed without a request under way: an error that no request shows.
  if (const auto lost = connections.Find("lost")) {
    AddCount(load.failure_counts, "connections lost", lost->Integer(0, INT64_MAX));
  }
}

void ReadRequests(const JsonNode& requests, LoadFigures& load) {
  load.scheduled = CountOf(requests, "scheduled");
  load.verified = CountOf(requests, "verified");
  load.verified_in_window = CountOf(requests, "verified_in_window");
  load.in_flight_at_end = CountOf(requests, "in_flight_at_end");
  load.wrong = CountOf(requests, "wrong_status") + CountOf(requests, "wrong_body");
  for (const std::string_view key : kRequestFailures) {
    const int64_t count = CountOf(requests, key);
    load.request_failures += count;
    if (key != "timed_out") AddCount(load.failure_counts, key, count);
  }
  load.not_sent = OptionalCount(requests, "shed") + OptionalCount(requests, "unsent");
  if (load.open_loop) {
    load.overload_outcomes = load.not_sent + load.in_flight_at_end + CountOf(requests, "timed_out");
    return;
  }
  AddCount(load.failure_counts, "timed_out", CountOf(requests, "timed_out"));
  AddCount(load.failure_counts, "in flight at the end", load.in_flight_at_end);
  AddCount(load.failure_counts, "not sent", load.not_sent);
}

// Connections that took the place of closed ones.
void ReadReconnections(const JsonNode& root, LoadFigures& load) {
  const auto reconnections = root.Find("reconnections");
  if (!reconnections) return;
  load.reconnections_asked = CountOf(*reconnections, "asked");
  load.reconnections_made = CountOf(*reconnections, "established");
  for (const std::string_view key : kConnectFailures) {
    AddCount(load.failure_counts, "reconnections " + std::string(key),
             CountOf(*reconnections, key));
  }
  AddCount(load.failure_counts, "reconnections lost", CountOf(*reconnections, "lost"));
  const auto each = root.Find("requests_per_connection");
  load.reconnects = load.reconnections_asked > 0 || (each && each->Integer(0, INT64_MAX) > 0);
}

void ReadIntervals(const JsonNode& root, LoadFigures& load) {
  load.window_seconds = NumberOf(root.Require("window"), "seconds");
  int64_t start_ns = CountOf(root.Require("window"), "start_ns");
  const std::vector<JsonNode> intervals = root.Require("intervals").Elements();
  const size_t merged = 1 + intervals.size() / (kTrendValuesMax + 1);
  double verified = 0;
  for (size_t i = 0; i < intervals.size(); ++i) {
    const int64_t end_ns = CountOf(intervals[i], "end_ns");
    verified += static_cast<double>(CountOf(intervals[i], "verified"));
    if ((i + 1) % merged != 0) continue;  // an incomplete group at the end is left out
    if (end_ns <= start_ns) intervals[i].Refuse("ends before it begins");
    load.interval_rates.push_back(verified * 1e9 / static_cast<double>(end_ns - start_ns));
    start_ns = end_ns;
    verified = 0;
  }
}

}  // namespace

void AddCount(std::string& text, std::string_view name, int64_t count) {
  if (count == 0) return;
  if (!text.empty()) text += ", ";
  text += std::string(name) + " " + std::to_string(count);
}

LoadFigures ReadLoad(const nlohmann::json& result) {
  const JsonNode root(result, "the load generator's result");
  LoadFigures load;
  load.stopped_early = root.Require("stopped_early").Bool();
  const std::string schedule = root.Require("schedule").String();
  load.closed_loop = schedule == "closed";
  load.open_loop = schedule == "constant" || schedule == "poisson";
  if (const auto active = root.Find("active")) load.active = active->Integer(1, INT64_MAX);
  load.errors = CountOf(root, "errors");
  load.throughput_rps = NumberOf(root, "throughput_rps");
  ReadConnections(root.Require("connections"), load);
  ReadRequests(root.Require("requests"), load);
  ReadReconnections(root, load);
  const JsonNode latency = root.Require("latency_ns");
  load.latency_count = CountOf(latency, "count");
  // Without a response there is no mean, and it may be null.
  if (load.latency_count > 0) load.latency_ns_mean = NumberOf(latency, "mean");
  // Records of before 2026-11-26 lack it, and have Little's estimate of it.
  const auto under_way = root.Find("requests_under_way");
  load.requests_under_way =
      under_way ? under_way->Number() : load.throughput_rps * load.latency_ns_mean / 1e9;
  const JsonNode fairness = root.Require("fairness");
  load.slowest_requests = CountOf(fairness, "slowest_requests");
  const JsonNode jain = fairness.Require("jain_index");
  if (!jain.value().is_null()) load.jain_index = jain.Number();
  ReadIntervals(root, load);
  const JsonNode cpu = root.Require("client_cpu");
  for (const JsonNode& thread : cpu.Require("threads").Elements()) {
    ++load.threads;
    load.busiest_thread = std::max(load.busiest_thread, NumberOf(thread, "utilization"));
    const auto waiting = thread.Find("waiting_seconds");
    if (!waiting || waiting->value().is_null() || load.window_seconds <= 0) continue;
    load.longest_waiting = std::max(load.longest_waiting, waiting->Number() / load.window_seconds);
  }
  if (const auto offered = root.Find("offered"); offered && load.open_loop) {
    const auto due = static_cast<double>(CountOf(*offered, "due"));
    if (load.window_seconds > 0) load.offered_rps = due / load.window_seconds;
  }
  return load;
}

}  // namespace crossover
