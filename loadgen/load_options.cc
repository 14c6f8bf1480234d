#include "loadgen/load_options.h"

#include <algorithm>
#include <fstream>
#include <string>

#include "base/cpu_list.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/open_files.h"

namespace crossover {
namespace {

// Epoll instances, wake-ups, standard streams, and what the caller has open.
constexpr uint64_t kOtherFiles = 64;

void CheckRange(const char* option, uint64_t value, uint64_t min, uint64_t max) {
  if (value >= min && value <= max) return;
  throw UsageError(std::string(option) + ": " + std::to_string(value) + " is not from " +
                   std::to_string(min) + " to " + std::to_string(max));
}

void CheckDuration(const char* option, int64_t ns) {
  if (ns > 0 && ns <= limits::kDurationMaxNs) return;
  throw UsageError(std::string(option) + ": must be longer than 0 and at most 24h");
}

void EnsurePipelineFits(const LoadOptions& options, const RequestMix& mix) {
  const size_t bytes = options.pipeline * mix.LongestBytes();
  if (options.pipeline == 1 || bytes <= limits::kPipelineBytesMax) return;
  throw UsageError("--pipeline: " + std::to_string(options.pipeline) + " requests are " +
                   std::to_string(bytes) + " bytes, more than the " +
                   std::to_string(limits::kPipelineBytesMax) + " that may be in flight");
}

}  // namespace

void CheckOptions(const LoadOptions& options) {
  CheckRange("--connections", options.connections, 1, limits::kConnectionsMax);
  CheckRange("--threads", options.threads, 1, limits::kThreadsMax);
  if (options.threads > options.connections) {
    throw UsageError("--threads: " + std::to_string(options.threads) + " threads are more than " +
                     std::to_string(options.connections) + " connections; each needs one at least");
  }
  CheckRange("--connects-in-flight", options.connects_in_flight_max, 1,
             limits::kConnectsInFlightMax);
  CheckRange("--body-bytes", options.body_bytes, 0, limits::kBodyBytesMax);
  if (options.body_bytes > 0 && options.method != Method::kPost) {
    throw UsageError("--body-bytes: only a POST has a body; add --method POST");
  }
  if (options.requests) {
    CheckRange("--requests", *options.requests, 1, limits::kRequestsMax);
  } else {
    CheckDuration("--duration", options.duration_ns);
  }
  CheckDuration("--connect-timeout", options.connect_timeout_ns);
  CheckDuration("--request-timeout", options.request_timeout_ns);
  CheckDuration("--drain-timeout", options.drain_timeout_ns);
  if (options.schedule.open() && options.schedule.think_ns > 0) {
    throw UsageError("--think: a closed schedule has think times, an open one (--rate) has none");
  }
  if (options.shed_after_ns != kNeverShed && !options.schedule.open()) {
    throw UsageError("--shed-after: only requests of an open schedule (--rate) can be late");
  }
  if (options.connect_rate != 0 &&
      !(options.connect_rate >= 0.001 && options.connect_rate <= 1e9)) {
    throw UsageError("--connect-rate: must be 0, or from 0.001 to 1e9 per second");
  }
  CheckRange("--pipeline", options.pipeline, 1, limits::kPipelineMax);
  if (options.pipeline > 1 && (options.times_apart() || options.targets.size() > 1)) {
    throw UsageError(
        "--pipeline: only with a closed schedule without think times, one target, and connections "
        "that live as long as the run");
  }
  if (options.active > options.connections) {
    throw UsageError("--active: " + std::to_string(options.active) + " are more than the " +
                     std::to_string(options.connections) + " connections");
  }
  if (options.active > 0 && options.threads > options.active) {
    throw UsageError("--active: each of the " + std::to_string(options.threads) +
                     " threads needs one active connection at least; ask for fewer --threads");
  }
  if (options.active > 0 && (options.times_apart() || options.pipeline > 1)) {
    throw UsageError(
        "--active: only with a closed schedule without think times and pipelining, and with "
        "connections that live as long as the run");
  }
  if (options.warmup_ns < 0) throw UsageError("--warmup: must not be negative");
  if (options.interval_ns != 0 && (options.interval_ns < limits::kIntervalMinNs ||
                                   options.interval_ns > limits::kDurationMaxNs)) {
    throw UsageError("--interval: must be from 100ms to 24h, or 0s for none");
  }
  const std::vector<int> allowed = AllowedCpus();
  for (const int cpu : options.cpus) {
    if (!std::binary_search(allowed.begin(), allowed.end(), cpu)) {
      throw UsageError("--cpus: this process may not run on CPU " + std::to_string(cpu) +
                       ", only on " + FormatCpuList(allowed));
    }
  }
}

void CheckSliced(const LoadOptions& options) {
  if (!options.times_apart() && !options.requests && options.interval_ns == 0) return;
  throw UsageError(
      "--slices: only with a closed schedule without think times, connections that live as long as "
      "the run, and neither --requests nor --interval");
}

std::vector<Target> TargetsOf(const LoadOptions& options, const Url& url) {
  if (options.targets.empty()) {
    return {{.path = url.target, .method = options.method, .body = BodyOf(options.body_bytes)}};
  }
  if (url.target != "/") {
    throw UsageError("--targets: its file tells the paths, and the URL has one as well ('" +
                     url.target.substr(0, 100) + "'); leave one of them out");
  }
  return options.targets;
}

size_t SourcesOf(const LoadOptions& options) {
  constexpr size_t kEach = limits::kConnectionsPerSourceMax;
  return std::max((options.connections + kEach - 1) / kEach,
                  options.reconnects() ? limits::kReconnectSources : 1);
}

void EnsureItFits(const LoadOptions& options, const SocketAddress& address, const RequestMix& mix) {
  EnsurePipelineFits(options, mix);

  const uint64_t files = options.connections + 2 * options.threads + kOtherFiles;
  const OpenFilesLimit limit = RaiseOpenFilesLimit(files);
  if (limit.soft < files) {
    throw UsageError(
        std::to_string(options.connections) + " connections need " + std::to_string(files) +
        " open files, and the limit is " + std::to_string(limit.soft) +
        "; raise it (ulimit -Hn) or ask for at most " +
        std::to_string(limit.soft - std::min(limit.soft, files - options.connections)));
  }
  if (SourceAddress(address, 0, SourcesOf(options)).length > 0) return;
  // All connections go from one address to one address and port: each needs a local port.
  std::ifstream range("/proc/sys/net/ipv4/ip_local_port_range");
  uint64_t first = 0;
  uint64_t last = 0;
  if (range >> first >> last && last >= first && options.connections > last - first + 1) {
    throw UsageError(std::to_string(options.connections) + " connections need more than the " +
                     std::to_string(last - first + 1) +
                     " local ports there are; widen net.ipv4.ip_local_port_range (now " +
                     std::to_string(first) + " " + std::to_string(last) + ")");
  }
}

}  // namespace crossover
