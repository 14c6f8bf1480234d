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
#include "harness/load_figures.h"
#include "harness/statistics/change_point.h"
#include "harness/statistics/median.h"
#include "harness/statistics/moments.h"
#include "harness/statistics/trend.h"
#include "harness/statistics/warm_up.h"

namespace crossover {
namespace {

constexpr std::array<std::string_view, 5> kServerFailures = {
    "protocol_errors", "accept_errors", "rejected", "thread_failures", "timeouts"};

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

// A counter of the server, or nullopt if it gave none.
std::optional<int64_t> ServerCount(const nlohmann::json& counters, std::string_view key) {
  if (!counters.is_object()) return std::nullopt;
  const auto found = counters.find(key);
  if (found == counters.end() || !found->is_number_integer()) return std::nullopt;
  return found->get<int64_t>();
}

template <typename Change>
const char* RoseOrFell(const Change& change) {
  return change.relative_change > 0 ? "rose" : "fell";
}

std::string ProbabilityText(double probability) {
  return probability < 0.0001 ? "< 0.0001" : Format("= %.4f", probability);
}

class Judgement {
 public:
  Judgement(const TrialEvidence& evidence, const LoadFigures& load)
      : evidence_(evidence), load_(load), machine_change_(MachineChange(evidence.canary_history)) {}

  Verdict Run() {
    Connections();
    Errors();
    ClientLimited();
    Steadiness();
    Noise();
    LittlesLaw();
    ClientLedger();
    ServerLedger();
    ServerConnections();
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

  // Connections that were not established have a reason of their own. What an overloaded server
  // leaves unanswered in an open loop is what is measured there, and no error.
  void Errors() {
    std::string server;
    for (const std::string_view key : kServerFailures) {
      AddCount(server, key, ServerCount(evidence_.server_final, key).value_or(0));
    }
    const int64_t failed =
        std::max(load_.errors - load_.connect_failures,
                 load_.request_failures + load_.in_flight_at_end + load_.not_sent) -
        load_.overload_outcomes;
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

  // In an open loop, a client that did all that was due was no limit, however busy it was; one that
  // is kept from its CPU for long tells its own delays for the server's. In a closed loop neither
  // matters while the server has enough to do.
  void ClientLimited() {
    const double waiting = load_.threads <= evidence_.client_cpus ? load_.longest_waiting : 0;
    if (load_.open_loop && waiting > kOpenWaitingMax) return AddWaiting(waiting);
    const bool kept_up =
        load_.offered_rps > 0 && load_.throughput_rps >= (1 - kOfferedMissMax) * load_.offered_rps;
    if (kept_up) return;
    const std::optional<double> idle = MetricOf(evidence_.metrics, "server_cpus_idle");
    if (!idle || *idle <= kServerIdleMax) return;
    if (load_.busiest_thread > kClientThreadBusyMax) {
      Add("client_limited", Format("server CPUs %.1f %% idle while a client thread ran at %.1f %%",
                                   *idle * 100, load_.busiest_thread * 100));
    } else if (waiting > kClientWaitingMax) {
      AddWaiting(waiting);
    }
  }

  void AddWaiting(double waiting) {
    Add("client_limited",
        Format("a client thread was kept waiting for its CPU for %.1f %% of the window",
               waiting * 100));
  }

  // Of a Trend or a ChangePoint.
  template <typename Change>
  bool IsSureAndLarge(const Change& change) const {
    return change.probability < kTrendProbability &&
           std::abs(change.relative_change) > std::max(kTrendChangeMin, machine_change_);
  }

  // By how much the machine's speed falls from one trial of this run to the next, in all but one of
  // ten: no less may be held against a server. 0 if too little is known.
  static double MachineChange(const std::vector<CanaryReading>& history) {
    std::vector<double> changes;
    std::optional<double> last_ns;
    for (const CanaryReading& reading : history) {
      if (!reading.loopback_ns || *reading.loopback_ns <= 0) continue;
      if (last_ns) changes.push_back(std::abs(std::log(*reading.loopback_ns / *last_ns)));
      last_ns = reading.loopback_ns;
    }
    return changes.size() < kMachineChangesMin ? 0 : 1 - std::exp(-Quantile(changes, 0.9));
  }

  // A slope (a server that ages, or warms up) or a step (a spell of the machine): the line of the
  // one is flat where the other is not in the middle.
  void Steadiness() {
    const std::optional<Trend> trend = FindTrend(load_.interval_rates);
    const std::optional<ChangePoint> shift = FindChangePoint(load_.interval_rates);
    std::string detail;
    if (trend && IsSureAndLarge(*trend)) {
      detail = Format("throughput %s by %.0f %% across the window (p %s)", RoseOrFell(*trend),
                      std::abs(trend->relative_change) * 100,
                      ProbabilityText(trend->probability).c_str());
    }
    if (shift && IsSureAndLarge(*shift)) {
      const double share =
          static_cast<double>(shift->place) / static_cast<double>(load_.interval_rates.size());
      detail += (detail.empty() ? "throughput " : "; it ") +
                Format("%s by %.0f %% about %.1f s into the window (p %s)", RoseOrFell(*shift),
                       std::abs(shift->relative_change) * 100, share * load_.window_seconds,
                       ProbabilityText(shift->probability).c_str());
    }
    if (detail.empty()) return;
    if (machine_change_ > kTrendChangeMin) {
      detail += Format("; the machine by itself: %.0f %%", machine_change_ * 100);
    }
    Add("not_steady", detail + SteadyFrom());
  }

  // Where a longer warm-up may help: it rose, and is steady after that.
  std::string SteadyFrom() const {
    const std::span<const double> rates = load_.interval_rates;
    const size_t left_out = WarmUpLength(rates).value_or(0);
    if (left_out == 0) return "";
    const std::span<const double> rest = rates.subspan(left_out);
    const std::optional<Trend> trend = FindTrend(rest);
    const std::optional<ChangePoint> shift = FindChangePoint(rest);
    if (Mean(rates.first(left_out)) > Mean(rest) || (trend && IsSureAndLarge(*trend)) ||
        (shift && IsSureAndLarge(*shift))) {
      return "";
    }
    const double share = static_cast<double>(left_out) / static_cast<double>(rates.size());
    return Format("; steady from %.1f s on: if it was warming up, add so much to \"warmup\"",
                  share * load_.window_seconds);
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

  // In a closed loop every connection, or as many as are to be active, has exactly one request
  // under way, so that connections = throughput x mean latency. Requests that were lost sight of
  // break it. While a connection is made anew it has none: then there may be fewer, and never more.
  void LittlesLaw() {
    if (!load_.closed_loop || load_.latency_count == 0 || load_.established == 0) return;
    const int64_t expected = std::min(load_.established, load_.active.value_or(load_.established));
    const double error = load_.requests_under_way / static_cast<double>(expected) - 1;
    if (error <= kLittlesLawErrorMax && (load_.reconnects || error >= -kLittlesLawErrorMax)) return;
    Add("littles_law",
        Format("requests under way by their times were %.1f on average, not %lld (%+.1f %%)",
               load_.requests_under_way, static_cast<long long>(expected), error * 100));
  }

  // Every request and every connection of the client is in exactly one outcome.
  void ClientLedger() {
    const int64_t outcomes =
        load_.verified + load_.request_failures + load_.in_flight_at_end + load_.not_sent;
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
    const int64_t most =
        load_.scheduled - load_.not_sent + counted("timeouts") + counted("protocol_errors");
    if (*sent >= least && *sent <= most) return;
    const std::string bounds = least == most
                                   ? std::to_string(least)
                                   : std::to_string(least) + " to " + std::to_string(most);
    Add("ledger_open", Format("the server sent %lld responses; the client accounts for %s",
                              static_cast<long long>(*sent), bounds.c_str()));
  }

  // The server can't have accepted more connections than the client began, nor fewer than it made
  // but for the last on each place, which may still have waited to be accepted when all ended.
  void ServerConnections() {
    const std::optional<int64_t> accepted = ServerCount(evidence_.server_final, "accepted");
    if (!accepted) return;
    const int64_t most = load_.asked + load_.reconnections_asked;
    const int64_t least = load_.reconnections_made;
    if (*accepted >= least && *accepted <= most) return;
    Add("ledger_open",
        Format("the server accepted %lld connections; the client accounts for %lld to %lld",
               static_cast<long long>(*accepted), static_cast<long long>(least),
               static_cast<long long>(most)));
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
  const double machine_change_;  // in throughput, as of a trial's window
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
