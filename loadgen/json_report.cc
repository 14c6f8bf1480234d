#include "loadgen/json_report.h"

#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <fstream>

#include "base/error.h"
#include "loadgen/hdr_output.h"

namespace crossover {
namespace {

using nlohmann::json;

json ToJson(const Histogram& histogram) {
  json out = {{"count", histogram.count()}};
  const auto quantile = [&](double q) -> json {
    if (histogram.count() == 0) return nullptr;
    return histogram.QuantileNs(q);
  };
  out["p50"] = quantile(0.50);
  out["p90"] = quantile(0.90);
  out["p99"] = quantile(0.99);
  out["p999"] = quantile(0.999);
  out["max"] = quantile(1.0);
  out["mean"] = histogram.count() == 0 ? json(nullptr) : json(histogram.mean_ns());
  return out;
}

json ToJson(const RequestLedger& requests) {
  return {{"scheduled", requests.scheduled},
          {"verified", requests.verified},
          {"verified_in_window", requests.verified_in_window},
          {"wrong_status", requests.wrong_status},
          {"wrong_body", requests.wrong_body},
          {"malformed", requests.malformed},
          {"truncated", requests.truncated},
          {"reset", requests.reset},
          {"timed_out", requests.timed_out},
          {"in_flight_at_end", requests.in_flight_at_end},
          {"shed", requests.shed},
          {"unsent", requests.unsent}};
}

json ToJson(const ConnectionLedger& connections) {
  return {{"asked", connections.asked},     {"established", connections.established},
          {"refused", connections.refused}, {"timed_out", connections.timed_out},
          {"reset", connections.reset},     {"no_port", connections.no_port},
          {"other", connections.other},     {"lost", connections.lost}};
}

json ConnectionsToJson(const LoadResult& result) {
  json out = ToJson(result.ledger.connections);
  out["served"] = result.fairness.served;
  out["starved"] = result.fairness.starved();
  out["unasked"] = result.fairness.unasked;
  return out;
}

json TargetsToJson(const LoadResult& result) {
  json out = json::array();
  for (size_t i = 0; i < result.options.targets.size(); ++i) {
    const Target& target = result.options.targets[i];
    out.push_back({{"path", target.path},
                   {"method", MethodName(target.method)},
                   {"weight", target.weight},
                   {"verified_in_window", result.window_by_target[i]}});
  }
  return out;
}

const char* ScheduleName(const ScheduleOptions& schedule) {
  if (!schedule.open()) return schedule.think_ns > 0 ? "think" : "closed";
  return schedule.arrivals == ScheduleOptions::Arrivals::kPoisson ? "poisson" : "constant";
}

// What an open schedule asked for in the window, and what came of it by the end. What is not among
// the answered, shed and unsent was sent, and has no right answer.
json OfferedToJson(const LoadResult& result) {
  if (!result.options.schedule.open()) return nullptr;
  const RequestLedger& requests = result.ledger.requests;
  return {{"due", requests.due_in_window},
          {"answered", result.latency.count()},
          {"shed", requests.due_and_shed},
          {"unsent", requests.due_and_unsent}};
}

const char* PhaseName(LoadInterval::Phase phase) {
  switch (phase) {
    case LoadInterval::Phase::kConnect:
      return "connect";
    case LoadInterval::Phase::kWarmUp:
      return "warmup";
    case LoadInterval::Phase::kWindow:
      return "window";
    case LoadInterval::Phase::kDrain:
      return "drain";
  }
  return "";
}

json CpuToJson(const LoadResult& result) {
  double user_seconds = 0;
  double system_seconds = 0;
  json threads = json::array();
  for (const ThreadCpu& thread : result.threads) {
    user_seconds += thread.user_seconds;
    system_seconds += thread.system_seconds;
    threads.push_back(
        {{"cpu_seconds", thread.cpu_seconds},
         {"utilization", thread.utilization},
         {"waiting_seconds", thread.waiting_seconds ? json(*thread.waiting_seconds) : json()}});
  }
  return {{"user_seconds", user_seconds},
          {"system_seconds", system_seconds},
          {"polling_seconds", result.client_polling_seconds()},
          {"threads", std::move(threads)}};
}

}  // namespace

json ToJson(const LoadResult& result) {
  json intervals = json::array();
  for (const Interval& interval : result.intervals) {
    intervals.push_back({{"end_ns", interval.end_ns}, {"verified", interval.count}});
  }
  return {
      {"schema", "crossover-load/1"},
      {"url", result.options.url},
      {"method", MethodName(result.options.method)},
      {"engine", EngineName(result.engine.kind)},
      {"engine_reason", result.engine.reason.empty() ? json(nullptr) : json(result.engine.reason)},
      {"schedule", ScheduleName(result.options.schedule)},
      {"targets", TargetsToJson(result)},
      {"requests_per_connection", result.options.requests_per_connection},
      {"closer", result.options.closer == Closer::kServer ? "server" : "client"},
      {"pipeline", result.options.pipeline},
      {"active", result.options.active > 0 ? result.options.active : result.options.connections},
      {"threads", result.options.threads},
      {"busy_poll", result.options.busy_poll},
      {"window",
       {{"start_ns", result.window_start_ns},
        {"end_ns", result.window_end_ns},
        {"seconds", result.window_seconds()}}},
      {"throughput_rps", result.throughput_rps()},
      {"requests_under_way", result.requests_under_way()},
      {"latency_ns", ToJson(result.latency)},
      {"latency_hdr", HdrV2Base64(result.latency)},
      {"service_ns", ToJson(result.options.times_apart() ? result.service : result.latency)},
      {"lag_ns", result.options.times_apart() ? ToJson(result.lag) : json(nullptr)},
      {"connect_ns", ToJson(result.connect)},
      {"connect_seconds", result.connect_seconds},
      {"connections", ConnectionsToJson(result)},
      {"reconnections", ToJson(result.ledger.reconnections)},
      {"reconnect_ns", ToJson(result.reconnect)},
      {"fairness",
       {{"jain_index", result.fairness.jain_index()},
        {"slowest_requests", result.fairness.slowest_requests},
        {"fastest_requests", result.fairness.fastest_requests}}},
      {"requests", ToJson(result.ledger.requests)},
      {"offered", OfferedToJson(result)},
      {"errors", result.ledger.errors()},
      {"bytes", {{"sent", result.sent_bytes}, {"received", result.received_bytes}}},
      {"intervals", std::move(intervals)},
      {"client_cpu_seconds", result.client_cpu_seconds()},
      {"client_cpu", CpuToJson(result)},
      {"verification", {{"fast", result.verified_fast}, {"full", result.verified_full}}},
      {"stopped_early", result.stopped_early}};
}

json ToJson(const LoadEvent& event) {
  switch (event.kind) {
    case LoadEvent::Kind::kConnected:
      return {{"event", "connected"},
              {"time_ns", event.time_ns},
              {"established", event.established},
              {"served", event.served},
              {"connect_seconds", event.connect_seconds}};
    case LoadEvent::Kind::kWarming:
      return {{"event", "warming"}, {"time_ns", event.time_ns}};
    case LoadEvent::Kind::kMeasuring:
      return {{"event", "measuring"}, {"time_ns", event.time_ns}};
    case LoadEvent::Kind::kMeasured:
      return {{"event", "measured"}, {"time_ns", event.time_ns}};
    case LoadEvent::Kind::kSliceSettled:
      return {{"event", "slice_settled"}, {"time_ns", event.time_ns}, {"verified", event.verified}};
    case LoadEvent::Kind::kSliceOver:
      return {{"event", "slice_over"}, {"time_ns", event.time_ns}, {"verified", event.verified}};
    case LoadEvent::Kind::kSliceDrained:
      return {{"event", "slice_drained"},
              {"time_ns", event.time_ns},
              {"verified", event.verified},
              {"errors", event.errors}};
  }
  return nullptr;
}

json ToJson(const LoadInterval& interval) {
  const Histogram& latency = interval.latency;
  const auto quantile = [&](double q) {
    return latency.count() == 0 ? json(nullptr) : json(latency.QuantileNs(q));
  };
  return {{"event", "interval"},
          {"time_ns", interval.time_ns},
          {"phase", PhaseName(interval.phase)},
          {"seconds", interval.seconds},
          {"verified", interval.verified},
          {"throughput_rps", interval.throughput_rps()},
          {"errors", interval.errors},
          {"latency_ns", {{"p50", quantile(0.5)}, {"p99", quantile(0.99)}, {"max", quantile(1.0)}}},
          {"in_flight", interval.in_flight}};
}

static void WriteFile(const std::string& path, const char* option, const std::string& text) {
  const std::string temporary = path + "." + std::to_string(getpid()) + ".tmp";
  std::ofstream file(temporary);
  file << text;
  file.close();
  if (!file || std::rename(temporary.c_str(), path.c_str()) != 0) {
    const int error = errno;
    std::remove(temporary.c_str());
    throw UsageError(std::string(option) + ": can't write '" + path + "': " + std::strerror(error));
  }
}

void WriteJsonFile(const std::string& path, const json& value) {
  WriteFile(path, "--json", value.dump(2, ' ', false, json::error_handler_t::replace) + "\n");
}

void WriteHgrmFile(const std::string& path, const Histogram& latency) {
  WriteFile(path, "--hgrm", HgrmText(latency));
}

void WriteTraceFile(const std::string& path, const std::vector<RequestTimes>& trace) {
  std::string text = "connection,due_ns,sent_ns,first_byte_ns,done_ns\n";
  for (const RequestTimes& each : trace) {
    const auto add = [&](auto value, char end) { (text += std::to_string(value)) += end; };
    add(each.connection, ',');
    add(each.due_ns, ',');
    add(each.sent_ns, ',');
    add(each.first_byte_ns, ',');
    add(each.done_ns, '\n');
  }
  WriteFile(path, "--trace", text);
}

}  // namespace crossover
