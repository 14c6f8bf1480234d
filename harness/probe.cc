#include "harness/probe.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <unordered_set>

#include "base/check.h"
#include "base/clock.h"
#include "base/fd.h"

namespace crossover {

#define PROBE(name) std::unique_ptr<Probe> Make##name##Probe();
#include "harness/probes.def"
#undef PROBE

std::vector<AttachedProbe> MakeProbes() {
  std::vector<AttachedProbe> probes;
#define PROBE(name) probes.emplace_back(#name, Make##name##Probe());
#include "harness/probes.def"
#undef PROBE
  return probes;
}

void AttachedProbe::Attach(const ProbeTarget& target) { refused_ = probe_->Attach(target); }

void AttachedProbe::Read(Moment moment) {
  Sample& sample = samples_[static_cast<size_t>(moment)];
  sample = {};
  if (!refused_.empty()) {
    sample.failure = refused_;
    return;
  }
  sample.time_ns = MonotonicNs();
  probe_->Read(moment, sample);
}

void AttachedProbe::ReadInVain() {
  Sample sample;
  if (refused_.empty()) probe_->Read(Moment::kWindowStart, sample);
}

void AttachedProbe::Derive(const TrialFacts& facts, Metrics& metrics) const {
  if (!refused_.empty()) {
    for (const std::string_view name : probe_->metrics()) {
      SetMetricUnavailable(metrics, name, refused_);
    }
    return;
  }
  probe_->Derive(samples_, facts, metrics);
  for (const std::string_view name : probe_->metrics()) CHECK(metrics.contains(name));
}

void ReadEachProcess(const ProbeTarget& target, Sample& sample,
                     const std::function<bool(pid_t pid, std::string& why)>& read) {
  if (target.processes == nullptr) {
    read(target.server_pid, sample.failure);
    return;
  }
  sample.processes = *target.processes;
  const int64_t from_ns = MonotonicNs();
  for (const pid_t pid : sample.processes.pids) {
    if (read(pid, sample.failure)) continue;
    sample.failure = "process " + std::to_string(pid) + " of the server: " + sample.failure;
    return;
  }
  sample.time_ns = from_ns + (MonotonicNs() - from_ns) / 2;
}

namespace {

// How many of the processes that the window began with ended in it, or came and went.
int64_t EndedBetween(const ServerProcesses& start, const ServerProcesses& end) {
  const std::unordered_set<pid_t> last(end.pids.begin(), end.pids.end());
  const auto gone =
      std::ranges::count_if(start.pids, [&](pid_t pid) { return !last.contains(pid); });
  return std::max<int64_t>(gone, end.ended - start.ended);
}

}  // namespace

std::optional<double> WindowRate(const Samples& samples, std::string_view key, std::string& why) {
  const Sample& start = At(samples, Moment::kWindowStart);
  const Sample& end = At(samples, Moment::kWindowEnd);
  for (const Sample* sample : {&start, &end}) {
    if (!sample->failure.empty()) {
      why = sample->failure;
      return std::nullopt;
    }
  }
  const auto first = start.values.find(key);
  const auto last = end.values.find(key);
  if (first == start.values.end() || last == end.values.end()) {
    why = "not read at both ends of the window: " + std::string(key);
    return std::nullopt;
  }
  if (const int64_t ended = EndedBetween(start.processes, end.processes); ended > 0) {
    why =
        std::to_string(ended) +
        " of the server's processes ended in the window, and what the kernel had counted for them "
        "is lost";
    return std::nullopt;
  }
  if (last->second < first->second) {
    why = "the sum over the server's threads fell: some ended in the window, and theirs is lost";
    return std::nullopt;
  }
  if (end.time_ns <= start.time_ns) {
    why = "the window has no length";
    return std::nullopt;
  }
  return (last->second - first->second) * 1e9 / static_cast<double>(end.time_ns - start.time_ns);
}

void SetRatio(Metrics& metrics, std::string_view name, std::optional<double> numerator,
              double denominator, double scale, std::string_view why) {
  if (!numerator) {
    SetMetricUnavailable(metrics, name, why);
  } else if (denominator == 0) {
    SetMetricUnavailable(metrics, name, "division by zero: nothing was counted in the window");
  } else {
    SetMetric(metrics, name, *numerator * scale / denominator);
  }
}

std::optional<std::string> ReadSmallFile(const std::string& path, std::string& why) {
  const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::string text;
  char chunk[16 * 1024];
  while (file) {
    const ssize_t n = ::read(file.get(), chunk, sizeof chunk);
    if (n < 0 && errno == EINTR) continue;
    if (n == 0) return text;
    if (n < 0) break;
    text.append(chunk, static_cast<size_t>(n));
  }
  why = path + ": " + std::strerror(errno);
  return std::nullopt;
}

std::optional<double> NumberAfter(std::string_view text, std::string_view key) {
  for (size_t line = 0; line < text.size();) {
    if (text.substr(line).starts_with(key)) {
      const size_t start = text.find_first_not_of(" \t", line + key.size());
      if (start == std::string_view::npos) return std::nullopt;
      double number = 0;
      const auto result = std::from_chars(text.data() + start, text.data() + text.size(), number);
      if (result.ec != std::errc{}) return std::nullopt;
      return number;
    }
    const size_t newline = text.find('\n', line);
    if (newline == std::string_view::npos) break;
    line = newline + 1;
  }
  return std::nullopt;
}

}  // namespace crossover
