#include "harness/verdict.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdarg>
#include <cstdio>
#include <span>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "harness/json_node.h"
#include "harness/statistics.h"

namespace crossover {
namespace {

constexpr std::array<std::string_view, 6> kRequestFailures = {
    "wrong_status", "wrong_body", "malformed", "truncated", "reset", "timed_out"};
constexpr std::array<std::string_view, 5> kConnectFailures = {"refused", "timed_out", "reset",
                                                              "no_port", "other"};
constexpr std::array<std::string_view, 5> kServerFailures = {
    "protocol_errors", "accept_errors", "rejected", "thread_failures", "timeouts"};
constexpr size_t kTrendValuesMax = 100;  // more intervals are merged; the test is quadratic

[[gnu::format(printf, 1, 2)]] std::string Format(const char* format, ...) {
  char text[512];
  va_list arguments;
  va_start(arguments, format);
  // NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): clang-tidy 14 does not see va_start
  std::vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  return text;
}

// "1 connection", "12 connections".
std::string Count(int64_t n, const std::string& noun) {
  return std::to_string(n) + " " + noun + (n == 1 ? "" : "s");
}

int64_t CountOf(const JsonNode& object, std::string_view key) {
  return object.Require(key).Integer(0, INT64_MAX);
}

double NumberOf(const JsonNode& object, std::string_view key) {
  return object.Require(key).Number();
}

// What is judged of crossover-load's result, read once so that a result of another shape is found
// before anything is concluded from it.
struct LoadFigures {
  int64_t asked = 0;
  int64_t established = 0;
  int64_t starved = 0;
  int64_t connect_failures = 0;
  int64_t errors = 0;
  int64_t scheduled = 0;
  int64_t verified = 0;
  int64_t verified_in_window = 0;
  int64_t in_flight_at_end = 0;
  int64_t request_failures = 0;  // the sum over kRequestFailures
  int64_t wrong = 0;             // whole responses that were not as they should be
  std::string failure_counts;    // "wrong_status 3, reset 9"
  bool closed_loop = false;
  bool stopped_early = false;
  double window_seconds = 0;
  double throughput_rps = 0;
  double latency_ns_mean = 0;
  int64_t latency_count = 0;
  double jain_index = 0;
  int64_t slowest_requests = 0;
  double busiest_thread = 0;
  std::vector<double> interval_rates;
};

void AddCount(std::string& text, std::string_view name, int64_t count) {
  if (count == 0) return;
  if (!text.empty()) text += ", ";
  text += std::string(name) + " " + std::to_string(count);
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
    AddCount(load.failure_counts, key, count);
  }
  AddCount(load.failure_counts, "in flight at the end", load.in_flight_at_end);
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

LoadFigures ReadLoad(const nlohmann::json& result) {
  const JsonNode root(result, "the load generator's result");
  LoadFigures load;
  load.stopped_early = root.Require("stopped_early").Bool();
  load.closed_loop = root.Require("schedule").String() == "closed";
  load.errors = CountOf(root, "errors");
  load.throughput_rps = NumberOf(root, "throughput_rps");
  ReadConnections(root.Require("connections"), load);
  ReadRequests(root.Require("requests"), load);
  const JsonNode latency = root.Require("latency_ns");
  load.latency_count = CountOf(latency, "count");
  // Without a response there is no mean, and it may be null.
  if (load.latency_count > 0) load.latency_ns_mean = NumberOf(latency, "mean");
  const JsonNode fairness = root.Require("fairness");
  load.slowest_requests = CountOf(fairness, "slowest_requests");
  const JsonNode jain = fairness.Require("jain_index");
  if (!jain.value().is_null()) load.jain_index = jain.Number();
  const JsonNode cpu = root.Require("client_cpu");
  for (const JsonNode& thread : cpu.Require("threads").Elements()) {
    load.busiest_thread = std::max(load.busiest_thread, NumberOf(thread, "utilization"));
  }
  ReadIntervals(root, load);
  return load;
}

// A counter of the server, or nullopt if it gave none.
std::optional<int64_t> ServerCount(const nlohmann::json& counters, std::string_view key) {
  if (!counters.is_object()) return std::nullopt;
  const auto found = counters.find(key);
  if (found == counters.end() || !found->is_number_integer()) return std::nullopt;
  return found->get<int64_t>();
}

class Judgement {
 public:
  Judgement(const TrialEvidence& evidence, const LoadFigures& load)
      : evidence_(evidence), load_(load) {}

  Verdict Run() {
    Connections();
    Errors();
    ClientLimited();
    Steadiness();
    Noise();
    LittlesLaw();
    ClientLedger();
    ServerLedger();
    Window();
    return std::move(verdict_);
  }

 private:
  void Add(const char* code, std::string detail) {
    verdict_.reasons.push_back({.code = code, .detail = std::move(detail)});
  }

  void Connections() {
    if (load_.established < evidence_.connections) {
      Add("connections_short",
          Format("%lld of %lld connections established", static_cast<long long>(load_.established),
                 static_cast<long long>(evidence_.connections)));
    }
    const double starved_max = kStarvedShareMax * static_cast<double>(load_.established);
    if (static_cast<double>(load_.starved) > starved_max) {
      Add("starved", Format("%s served nothing in the window; Jain's index %.3f, slowest %s",
                            Count(load_.starved, "connection").c_str(), load_.jain_index,
                            Count(load_.slowest_requests, "request").c_str()));
    }
  }

  // Connections that were not established have a reason of their own.
  void Errors() {
    std::string server;
    for (const std::string_view key : kServerFailures) {
      AddCount(server, key, ServerCount(evidence_.server_final, key).value_or(0));
    }
    const int64_t failed = std::max(load_.errors - load_.connect_failures,
                                    load_.request_failures + load_.in_flight_at_end);
    if (failed <= 0 && server.empty()) return;
    std::string detail;
    if (failed > 0) {
      detail = Count(failed, "failure");
      if (!load_.failure_counts.empty()) detail += " (" + load_.failure_counts + ")";
    }
    if (!server.empty()) {
      if (!detail.empty()) detail += "; ";
      detail += "the server counted " + server;
    }
    Add("errors", detail);
  }

  void ClientLimited() {
    const std::optional<double> idle = MetricOf(evidence_.metrics, "server_cpus_idle");
    if (!idle || *idle <= kServerIdleMax || load_.busiest_thread <= kClientThreadBusyMax) return;
    Add("client_limited", Format("server CPUs %.1f %% idle while a client thread ran at %.1f %%",
                                 *idle * 100, load_.busiest_thread * 100));
  }

  void Steadiness() {
    const std::optional<Trend> trend = FindTrend(load_.interval_rates);
    if (!trend || trend->probability >= kTrendProbability ||
        std::abs(trend->relative_change) <= kTrendChangeMin) {
      return;
    }
    const std::string probability =
        trend->probability < 0.0001 ? "< 0.0001" : Format("= %.4f", trend->probability);
    Add("not_steady", Format("throughput %s by %.0f %% across the window (p %s)",
                             trend->relative_change > 0 ? "rose" : "fell",
                             std::abs(trend->relative_change) * 100, probability.c_str()));
  }

  void Noise() {
    std::string detail;
    const std::optional<double> steal = MetricOf(evidence_.metrics, "steal_ratio");
    if (steal && *steal > kStealMax) {
      detail = Format("the hypervisor took %.1f %% of the server's CPUs", *steal * 100);
    }
    if (const double foreign = ForeignUse(); foreign > kForeignMax) {
      if (!detail.empty()) detail += "; ";
      detail += Format("something else used %.1f %% of the server's CPUs", foreign * 100);
    }
    CompareCanary("user", &CanaryReading::user_ns, detail);
    CompareCanary("system-call", &CanaryReading::syscall_ns, detail);
    if (!detail.empty()) Add("noisy", detail);
  }

  // The share of the server's CPUs that neither idled, nor ran the server, nor was stolen. Kernels
  // with CONFIG_IRQ_TIME_ACCOUNTING keep soft interrupts out of the server's time, others put them
  // into it: then the shares add up to more than 1, and taking them off would be taking them twice.
  double ForeignUse() const {
    const auto share = [&](std::string_view name) { return MetricOf(evidence_.metrics, name); };
    const std::optional<double> idle = share("server_cpus_idle");
    const std::optional<double> server = share("server_cpu_utilization");
    if (!idle || !server || evidence_.client_on_server_cpus) return 0;
    const double rest = 1 - *idle - *server - share("steal_ratio").value_or(0);
    const double softirq = share("softirq_ratio").value_or(0);
    const bool softirq_is_the_servers = softirq > rest + kForeignMax;
    return softirq_is_the_servers ? rest : rest - softirq;
  }

  void CompareCanary(const char* name, double CanaryReading::*loop, std::string& detail) const {
    if (!evidence_.canary || evidence_.canary_history.size() < kCanaryHistoryMin) return;
    std::vector<double> earlier;
    for (const CanaryReading& reading : evidence_.canary_history) earlier.push_back(reading.*loop);
    const double median = Median(earlier);
    const double now = (*evidence_.canary).*loop;
    if (median <= 0 || std::abs(now / median - 1) <= kCanaryDeviationMax) return;
    if (!detail.empty()) detail += "; ";
    detail += Format("the %s canary took %.2f times its median so far", name, now / median);
  }

  // In a closed loop every connection has exactly one request under way, so that connections =
  // throughput x mean latency. Requests that were lost sight of break it.
  void LittlesLaw() {
    if (!load_.closed_loop || load_.latency_count == 0 || load_.established == 0) return;
    const double expected = load_.throughput_rps * load_.latency_ns_mean / 1e9;
    const double error = expected / static_cast<double>(load_.established) - 1;
    if (std::abs(error) <= kLittlesLawErrorMax) return;
    Add("littles_law",
        Format("throughput x mean latency gives %.1f connections, not %lld (%+.1f %%)", expected,
               static_cast<long long>(load_.established), error * 100));
  }

  // Every request and every connection of the client is in exactly one outcome.
  void ClientLedger() {
    const int64_t outcomes = load_.verified + load_.request_failures + load_.in_flight_at_end;
    if (outcomes != load_.scheduled) {
      Add("ledger_open",
          Format("the client scheduled %lld requests and knows the outcome of %lld",
                 static_cast<long long>(load_.scheduled), static_cast<long long>(outcomes)));
    }
    const int64_t connects = load_.established + load_.connect_failures;
    if (connects != load_.asked || load_.asked != evidence_.connections) {
      Add("ledger_open",
          Format("asked for %lld connections; the client tried %lld and knows the outcome of %lld",
                 static_cast<long long>(evidence_.connections), static_cast<long long>(load_.asked),
                 static_cast<long long>(connects)));
    }
  }

  // The server must have sent every response that the client received whole, except the 503 that
  // it answers unread and counts as rejected. Of those that the client did not receive whole it may
  // or may not have sent the last byte. It may have answered what was never a request of the
  // client's ledger only where it counted a timeout or a protocol error. Without any failure both
  // bounds are the number of verified responses.
  void ServerLedger() {
    const std::optional<int64_t> sent = ServerCount(evidence_.server_final, "requests");
    if (!sent) {
      Add("ledger_open", "the server gave no final counters to reconcile with");
      return;
    }
    const auto counted = [&](std::string_view key) {
      return ServerCount(evidence_.server_final, key).value_or(0);
    };
    const int64_t least = load_.verified + load_.wrong - counted("rejected");
    const int64_t most = load_.scheduled + counted("timeouts") + counted("protocol_errors");
    if (*sent >= least && *sent <= most) return;
    const std::string bounds = least == most
                                   ? std::to_string(least)
                                   : std::to_string(least) + " to " + std::to_string(most);
    Add("ledger_open", Format("the server sent %lld responses; the client accounts for %s",
                              static_cast<long long>(*sent), bounds.c_str()));
  }

  // Both processes must have counted over the same window, or a quotient of the two is worthless.
  // At either end, responses on their way (at most one a connection) may be counted by one alone.
  void Window() {
    const std::optional<int64_t> before = ServerCount(evidence_.server_before, "requests");
    const std::optional<int64_t> after = ServerCount(evidence_.server_after, "requests");
    if (!before || !after) {
      Add("ledger_open", "the server gave no counters for the window");
      return;
    }
    if (evidence_.probe_seconds > 0 &&
        std::abs(evidence_.probe_seconds - load_.window_seconds) >
            std::max(kProbeWindowSlackS, kProbeWindowErrorMax * load_.window_seconds)) {
      Add("ledger_open", Format("the probes were read %.2f s apart, the window had %.2f s",
                                evidence_.probe_seconds, load_.window_seconds));
    }
    // The server is asked a little after the client's own marks, so rates are compared.
    const double server_seconds =
        static_cast<double>(ServerCount(evidence_.server_after, "time_ns").value_or(0) -
                            ServerCount(evidence_.server_before, "time_ns").value_or(0)) /
        1e9;
    const auto verified = static_cast<double>(load_.verified_in_window);
    if (server_seconds <= 0 || load_.window_seconds <= 0) {
      Add("ledger_open", "the window has no length in the server's counters or the client's");
      return;
    }
    const double sent =
        static_cast<double>(*after - *before) * load_.window_seconds / server_seconds;
    const double allowed = static_cast<double>(load_.established) + kWindowMismatchMax * verified;
    if (std::abs(sent - verified) <= allowed) return;
    Add("ledger_open", Format("in the window the server counted %.0f responses and the client %lld",
                              sent, static_cast<long long>(load_.verified_in_window)));
  }

  const TrialEvidence& evidence_;
  const LoadFigures& load_;
  Verdict verdict_;
};

Verdict Failed(std::string why) {
  // Details are one line, whatever broke.
  std::replace(why.begin(), why.end(), '\n', ' ');
  return {.reasons = {{.code = "failed", .detail = std::move(why)}}};
}

}  // namespace

const std::vector<std::string>& VerdictCodes() {
  static const std::vector<std::string> codes = {"connections_short", "starved",     "errors",
                                                 "client_limited",    "not_steady",  "noisy",
                                                 "littles_law",       "ledger_open", "failed"};
  return codes;
}

Verdict Judge(const TrialEvidence& evidence) {
  if (!evidence.failure.empty()) return Failed(evidence.failure);
  if (evidence.load.is_null()) return Failed("the load generator gave no result");
  LoadFigures load;
  try {
    if (!evidence.load.is_object()) return Failed("the load generator's result is no object");
    load = ReadLoad(evidence.load);
  } catch (const UsageError& error) {
    return Failed(error.what());
  }
  if (load.stopped_early) return Failed("the load generator was stopped early");
  return Judgement(evidence, load).Run();
}

nlohmann::json ToJson(const Verdict& verdict) {
  nlohmann::json reasons = nlohmann::json::array();
  for (const Reason& reason : verdict.reasons) {
    reasons.push_back({{"code", reason.code}, {"detail", reason.detail}});
  }
  return {{"valid", verdict.valid()}, {"reasons", reasons}};
}

}  // namespace crossover
