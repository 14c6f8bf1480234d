// What TCP dropped, sent again or reset during the trial, from connect to the end of the window, in
// this network namespace (both ends of the connections, and whoever else uses it).
#include <algorithm>
#include <charconv>

#include "harness/probe.h"

namespace crossover {
namespace {

struct Counter {
  std::string_view metric;
  std::string_view file;
  std::string_view group;
  std::string_view key;
};

constexpr std::string_view kNetstat = "/proc/self/net/netstat";
constexpr std::string_view kSnmp = "/proc/self/net/snmp";
constexpr Counter kCounters[] = {
    {"tcp_retransmits", kSnmp, "Tcp:", "RetransSegs"},
    {"tcp_listen_overflows", kNetstat, "TcpExt:", "ListenOverflows"},
    {"tcp_listen_drops", kNetstat, "TcpExt:", "ListenDrops"},
    {"tcp_resets", kSnmp, "Tcp:", "OutRsts"},
};

std::string_view TakeField(std::string_view& line) {
  const size_t end = std::min(line.find(' '), line.size());
  const std::string_view word = line.substr(0, end);
  line.remove_prefix(std::min(end + 1, line.size()));
  return word;
}

// These files hold pairs of lines, "Group: name name" and "Group: 1 2".
std::optional<double> Find(std::string_view text, std::string_view group, std::string_view key) {
  std::string_view names;
  while (!text.empty()) {
    const size_t newline = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, newline);
    text.remove_prefix(std::min(newline + 1, text.size()));
    if (TakeField(line) != group) continue;
    if (names.empty()) {
      names = line;
      continue;
    }
    while (!names.empty() && !line.empty()) {
      const std::string_view value = TakeField(line);
      if (TakeField(names) != key) continue;
      double number = 0;
      const auto result = std::from_chars(value.data(), value.data() + value.size(), number);
      return result.ec == std::errc{} ? std::optional<double>(number) : std::nullopt;
    }
    return std::nullopt;
  }
  return std::nullopt;
}

class TcpExtProbe : public Probe {
 public:
  std::vector<std::string_view> metrics() const override {
    std::vector<std::string_view> names;
    for (const Counter& counter : kCounters) names.push_back(counter.metric);
    return names;
  }

  std::string Attach(const ProbeTarget&) override { return {}; }

  void Read(Moment moment, Sample& sample) override {
    if (moment != Moment::kIdle && moment != Moment::kWindowEnd) return;
    const auto netstat = ReadSmallFile(std::string(kNetstat), sample.failure);
    const auto snmp = ReadSmallFile(std::string(kSnmp), sample.failure);
    if (!netstat || !snmp) return;
    for (const Counter& counter : kCounters) {
      const auto value = Find(counter.file == kSnmp ? *snmp : *netstat, counter.group, counter.key);
      if (value) sample.values[std::string(counter.metric)] = *value;
    }
  }

  void Derive(const Samples& samples, const TrialFacts&, Metrics& metrics) const override {
    const Sample& start = At(samples, Moment::kIdle);
    const Sample& end = At(samples, Moment::kWindowEnd);
    for (const Counter& counter : kCounters) {
      const auto first = start.values.find(counter.metric);
      const auto last = end.values.find(counter.metric);
      if (!start.failure.empty() || !end.failure.empty()) {
        SetMetricUnavailable(metrics, counter.metric,
                             start.failure.empty() ? end.failure : start.failure);
      } else if (first == start.values.end() || last == end.values.end()) {
        SetMetricUnavailable(metrics, counter.metric,
                             "this kernel has no counter " + std::string(counter.key));
      } else {
        SetMetric(metrics, counter.metric, last->second - first->second);
      }
    }
  }
};

}  // namespace

std::unique_ptr<Probe> MakeTcpExtProbe() { return std::make_unique<TcpExtProbe>(); }

}  // namespace crossover
