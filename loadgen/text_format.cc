#include "loadgen/text_format.h"

#include <cstdio>

namespace crossover {
namespace {

void AppendCause(std::string& causes, uint64_t count, const char* cause) {
  if (count == 0) return;
  if (!causes.empty()) causes += ", ";
  causes += CountText(count) + " " + cause;
}

}  // namespace

std::string TimeText(int64_t ns) {
  char text[32];
  const auto value = static_cast<double>(ns);
  if (ns < 1'000'000) {
    std::snprintf(text, sizeof text, "%.*f us", ns < 100'000 ? 1 : 0, value / 1e3);
  } else if (ns < 1'000'000'000) {
    std::snprintf(text, sizeof text, "%.*f ms", ns < 100'000'000 ? 2 : 0, value / 1e6);
  } else {
    std::snprintf(text, sizeof text, "%.2f s", value / 1e9);
  }
  return text;
}

std::string CountText(uint64_t value) {
  std::string digits = std::to_string(value);
  for (size_t at = digits.size(); at > 3; at -= 3) digits.insert(at - 3, 1, ',');
  return digits;
}

std::string CausesText(const ConnectionLedger& connections) {
  std::string causes;
  AppendCause(causes, connections.refused, "refused");
  AppendCause(causes, connections.timed_out, "timed out");
  AppendCause(causes, connections.reset, "reset");
  AppendCause(causes, connections.no_port, "without a local port");
  AppendCause(causes, connections.other, "not established for other reasons");
  AppendCause(causes, connections.lost, "ended, or not, by the server against the agreement");
  return causes;
}

std::string CausesText(const RequestLedger& requests) {
  std::string causes;
  AppendCause(causes, requests.wrong_status, "wrong status");
  AppendCause(causes, requests.wrong_body, "wrong body");
  AppendCause(causes, requests.malformed, "malformed");
  AppendCause(causes, requests.truncated, "truncated");
  AppendCause(causes, requests.reset, "reset");
  AppendCause(causes, requests.timed_out, "timed out");
  AppendCause(causes, requests.in_flight_at_end, "unanswered at the end");
  AppendCause(causes, requests.shed, "shed, being late");
  AppendCause(causes, requests.unsent, "due but not sent by the end");
  return causes;
}

}  // namespace crossover
