#include "loadgen/text_report.h"

#include <cmath>
#include <cstdarg>
#include <cstdio>
#include <utility>

#include "base/duration.h"
#include "loadgen/text_format.h"

namespace crossover {
namespace {

// From here on the client may be what limits the throughput.
constexpr double kUtilizationHigh = 0.9;

[[gnu::format(printf, 2, 3)]] void Append(std::string& text, const char* format, ...) {
  char line[512];
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(line, sizeof line, format, arguments);
  va_end(arguments);
  text += line;
}

std::string Bytes(uint64_t bytes) {
  static constexpr const char* kUnits[] = {"B", "kB", "MB", "GB", "TB"};
  auto value = static_cast<double>(bytes);
  size_t unit = 0;
  while (value >= 1000 && unit + 1 < std::size(kUnits)) {
    value /= 1000;
    ++unit;
  }
  char text[32];
  std::snprintf(text, sizeof text, "%.1f %s", value, kUnits[unit]);
  return text;
}

void AppendTimes(std::string& text, const char* title, const Histogram& times) {
  if (times.count() == 0) return;
  Append(text, "%-13s", title);
  for (const auto& [name, quantile] :
       {std::pair{"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"p99.9", 0.999}, {"max", 1.0}}) {
    Append(text, "%-6s%-11s", name, TimeText(times.QuantileNs(quantile)).c_str());
  }
  while (text.ends_with(' ')) text.pop_back();
  text += '\n';
}

void AppendLedger(std::string& text, const LoadResult& result) {
  const ConnectionLedger& connections = result.ledger.connections;
  const RequestLedger& requests = result.ledger.requests;
  const Fairness& fairness = result.fairness;
  Append(text, "connections  %s asked, %s established, %s served in the window, %s starved",
         CountText(connections.asked).c_str(), CountText(connections.established).c_str(),
         CountText(fairness.served).c_str(), CountText(fairness.starved()).c_str());
  if (fairness.unasked > 0) Append(text, ", %s not asked", CountText(fairness.unasked).c_str());
  text += '\n';
  if (const ConnectionLedger& again = result.ledger.reconnections; again.asked > 0) {
    Append(text, "reconnected  %s times, %s established\n", CountText(again.asked).c_str(),
           CountText(again.established).c_str());
  }
  Append(text, "requests     %s sent, %s verified, %s of them in the window\n",
         CountText(requests.scheduled).c_str(), CountText(requests.verified).c_str(),
         CountText(requests.verified_in_window).c_str());
  if (fairness.served > 0) {
    Append(text, "fairness     %s to %s requests per connection, Jain's index %.3f\n",
           CountText(fairness.slowest_requests).c_str(),
           CountText(fairness.fastest_requests).c_str(), fairness.jain_index());
  }
  Append(text, "errors       %s\n", CountText(result.ledger.errors()).c_str());
  if (const std::string causes = CausesText(connections); !causes.empty()) {
    Append(text, "             connections: %s\n", causes.c_str());
  }
  if (const std::string causes = CausesText(result.ledger.reconnections); !causes.empty()) {
    Append(text, "             reconnections: %s\n", causes.c_str());
  }
  if (const std::string causes = CausesText(requests); !causes.empty()) {
    Append(text, "             requests: %s\n", causes.c_str());
  }
}

void AppendClientCpu(std::string& text, const LoadResult& result) {
  const uint64_t responses = result.ledger.requests.verified_in_window;
  if (responses == 0) return;
  Append(text, "client CPU   %.0f %% of a CPU (the busiest), %.2f us a request\n",
         100 * result.busiest_utilization(),
         result.client_cpu_seconds() * 1e6 / static_cast<double>(responses));
  if (result.busiest_utilization() >= kUtilizationHigh) {
    text +=
        "             The client is near its own limit: the server may be able to do more. Give "
        "it\n"
        "             more --threads and CPUs, or compare the server's CPU per request.\n";
  }
}

}  // namespace

std::string ToText(const LoadResult& result) {
  std::string text;
  Append(
      text, "%s %s (%s), %zu connection%s on %zu thread%s, %s%s%s\n",
      result.options.targets.empty() ? MethodName(result.options.method) : "Targets at",
      result.options.url.substr(0, 200).c_str(), result.address.c_str(), result.options.connections,
      result.options.connections == 1 ? "" : "s", result.options.threads,
      result.options.threads == 1 ? "" : "s", EngineName(result.engine.kind),
      result.engine.reason.empty() ? "" : " for want of io_uring: ", result.engine.reason.c_str());
  Append(text, "throughput   %s requests/s over %s%s\n",
         CountText(static_cast<uint64_t>(std::llround(result.throughput_rps()))).c_str(),
         FormatDurationNs(result.window_end_ns - result.window_start_ns).c_str(),
         result.stopped_early ? " (stopped early)" : "");
  AppendTimes(text, "latency", result.latency);
  if (result.options.times_apart()) {
    AppendTimes(text, "service", result.service);
    AppendTimes(text, "lag", result.lag);
  }
  AppendTimes(text, "connect", result.connect);
  AppendTimes(text, "reconnect", result.reconnect);
  AppendLedger(text, result);
  for (size_t i = 0; i < result.options.targets.size(); ++i) {
    const Target& target = result.options.targets[i];
    Append(text, "%-13s%s verified in the window by %s %s\n", i == 0 ? "targets" : "",
           CountText(result.window_by_target[i]).c_str(), MethodName(target.method),
           target.path.substr(0, 200).c_str());
  }
  Append(text, "bytes        %s sent, %s received\n", Bytes(result.sent_bytes).c_str(),
         Bytes(result.received_bytes).c_str());
  AppendClientCpu(text, result);
  return text;
}

}  // namespace crossover
