#include "loadgen/calibrate.h"

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <ctime>

#include "base/cpu_list.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/open_files.h"
#include "loadgen/json_report.h"
#include "loadgen/null_responder.h"
#include "loadgen/text_format.h"

namespace crossover {
namespace {

constexpr size_t kConnectionsDefault = 8000;
// Standard streams, epoll instances, wake-ups, and what the caller has open.
constexpr uint64_t kOtherFiles = 128;
// As in the text report: from here on a CPU is taken for full. It never is quite: the edges of the
// window, the kernel's own work and a hypervisor take their part.
constexpr double kUtilizationFull = 0.9;

uint64_t FilesBesideConnections(size_t threads) { return 2 * threads + kOtherFiles; }

// Run would find it out as well, but with the largest number of connections, which comes last.
void CheckOptions(const CalibrationOptions& options) {
  const size_t connections = options.connections.value_or(1);
  if (connections < 1 || connections > limits::kConnectionsMax) {
    throw UsageError("--connections: " + std::to_string(connections) + " is not from 1 to " +
                     std::to_string(limits::kConnectionsMax));
  }
  if (options.threads < 1 || options.threads > limits::kThreadsMax) {
    throw UsageError("--threads: " + std::to_string(options.threads) + " is not from 1 to " +
                     std::to_string(limits::kThreadsMax));
  }
}

// A null responder in a process of its own: neither its CPU time nor its open files are the
// client's. Ends with this object, and at the latest with the thread that made it.
class ResponderProcess {
 public:
  // Throws std::system_error.
  explicit ResponderProcess(int cpu) {
    // Listening before the fork, so that its port is known and connections wait in the backlog. The
    // parent's descriptors go with this block: a responder that died would refuse connections.
    NullResponder responder(0);
    port_ = responder.port();
    const pid_t parent = getpid();
    pid_ = fork();
    if (pid_ < 0) ThrowErrno("fork");
    if (pid_ == 0) BeResponder(responder, cpu, parent);
    if (const int error = clock_getcpuclockid(pid_, &cpu_clock_); error != 0) {
      End();
      ThrowErrno("clock_getcpuclockid", error);
    }
  }
  ~ResponderProcess() { End(); }
  ResponderProcess(const ResponderProcess&) = delete;
  ResponderProcess& operator=(const ResponderProcess&) = delete;

  uint16_t port() const { return port_; }
  int64_t CpuNs() const { return ReadClockNs(cpu_clock_); }

 private:
  [[noreturn]] static void BeResponder(NullResponder& responder, int cpu, pid_t parent) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    // The parent may have gone before the line above: nobody would ever send the signal.
    if (getppid() != parent || SetAffinity(0, {cpu}) != 0) _exit(1);
    prctl(PR_SET_NAME, "null-responder");
    try {
      responder.Run();
    } catch (...) {
      _exit(1);  // the client finds its connections reset, and says so
    }
    _exit(0);
  }

  void End() const {
    kill(pid_, SIGKILL);
    while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
  }

  uint16_t port_ = 0;
  pid_t pid_ = -1;
  clockid_t cpu_clock_ = 0;
};

CalibrationRun RunOnce(const Calibration& calibration, EngineKind engine, size_t connections,
                       int stop_fd) {
  const CalibrationOptions& options = calibration.options;
  const ResponderProcess responder(calibration.cpus.responder);
  LoadOptions load;
  load.url = "http://127.0.0.1:" + std::to_string(responder.port()) + "/";
  load.connections = connections;
  load.threads = std::min(options.threads, connections);
  load.engine = engine;
  load.cpus = calibration.cpus.client;
  load.warmup_ns = options.warmup_ns;
  load.duration_ns = options.duration_ns;

  struct Reading {
    int64_t time_ns;
    int64_t cpu_ns;
  };
  const auto read = [&] { return Reading{MonotonicNs(), responder.CpuNs()}; };
  Reading start = read();
  Reading end = start;
  LoadControl control;
  control.stop_fd = stop_fd;
  control.on_event = [&](const LoadEvent& event) {
    if (event.kind == LoadEvent::Kind::kMeasuring) start = read();
    if (event.kind == LoadEvent::Kind::kMeasured) end = read();
  };
  CalibrationRun run;
  run.load = Run(load, control);
  if (end.time_ns > start.time_ns) {
    run.responder_utilization = static_cast<double>(end.cpu_ns - start.cpu_ns) /
                                static_cast<double>(end.time_ns - start.time_ns);
  }
  run.bottleneck =
      BottleneckOf(calibration.cpus.shared ? run.load.utilization_of_cpu(calibration.cpus.responder)
                                           : run.load.busiest_utilization(),
                   run.responder_utilization, calibration.cpus.shared);
  return run;
}

const char* BottleneckName(Bottleneck bottleneck) {
  switch (bottleneck) {
    case Bottleneck::kClient:
      return "client";
    case Bottleneck::kResponder:
      return "responder";
    case Bottleneck::kBoth:
      return "both";
    case Bottleneck::kSharedCpu:
      return "shared_cpu";
    case Bottleneck::kNeither:
      break;
  }
  return "neither";
}

const char* BottleneckSentence(Bottleneck bottleneck) {
  switch (bottleneck) {
    case Bottleneck::kClient:
      return "the client's CPU was full: this is the load generator's ceiling";
    case Bottleneck::kResponder:
      return "the responder's CPU was full: the load generator's ceiling is higher";
    case Bottleneck::kBoth:
      return "the client's and the responder's CPU were full";
    case Bottleneck::kSharedCpu:
      return "the one CPU that client and responder share was full";
    case Bottleneck::kNeither:
      break;
  }
  return "neither CPU was full: they waited for one another, or others had the CPUs";
}

std::string Time(const Histogram& latency, double quantile) {
  return latency.count() == 0 ? "-" : TimeText(latency.QuantileNs(quantile));
}

std::string Rounded(double value) { return CountText(static_cast<uint64_t>(std::llround(value))); }

void AppendRow(std::string& text, const CalibrationRun& run) {
  const LoadResult& load = run.load;
  char line[256];
  std::snprintf(line, sizeof line, "%-9s %11s %11s %14s %7.0f %% %7.0f %% %9s %9s  %-10s  %s\n",
                EngineName(load.engine.kind), CountText(load.options.connections).c_str(),
                Rounded(load.throughput_rps()).c_str(),
                Rounded(run.requests_per_cpu_second()).c_str(), 100 * load.busiest_utilization(),
                100 * run.responder_utilization, Time(load.latency, 0.5).c_str(),
                Time(load.latency, 0.99).c_str(), BottleneckName(run.bottleneck),
                load.flawless() ? "flawless" : "FLAWED");
  text += line;
}

}  // namespace

double CalibrationRun::requests_per_cpu_second() const {
  const double seconds = load.client_cpu_seconds();
  return seconds > 0 ? static_cast<double>(load.ledger.requests.verified_in_window) / seconds : 0;
}

const CalibrationRun* Calibration::fastest() const {
  const auto found = std::max_element(runs.begin(), runs.end(), [](const auto& a, const auto& b) {
    return a.load.throughput_rps() < b.load.throughput_rps();
  });
  return found == runs.end() ? nullptr : &*found;
}

bool Calibration::flawless() const {
  return !stopped_early && !runs.empty() &&
         std::all_of(runs.begin(), runs.end(), [](const auto& run) { return run.load.flawless(); });
}

std::vector<size_t> CalibrationConnections(std::optional<size_t> asked, uint64_t open_files,
                                           size_t threads) {
  const uint64_t others = FilesBesideConnections(threads);
  const size_t fit = open_files > others ? static_cast<size_t>(open_files - others) : 1;
  std::vector<size_t> connections = {1, std::min<size_t>(200, fit),
                                     asked.value_or(std::min(kConnectionsDefault, fit))};
  std::sort(connections.begin(), connections.end());
  connections.erase(std::unique(connections.begin(), connections.end()), connections.end());
  return connections;
}

CalibrationCpus AssignCpus(const std::vector<int>& allowed, const std::vector<int>& asked,
                           size_t threads) {
  CalibrationCpus cpus;
  cpus.client = asked;
  if (asked.empty()) {
    cpus.client.assign(allowed.begin() + (allowed.size() > 1 ? 1 : 0), allowed.end());
  }
  if (cpus.client.size() > threads) cpus.client.resize(threads);
  const auto free = std::find_if(allowed.begin(), allowed.end(), [&](int cpu) {
    return std::find(cpus.client.begin(), cpus.client.end(), cpu) == cpus.client.end();
  });
  cpus.shared = free == allowed.end();
  cpus.responder = cpus.shared ? allowed.front() : *free;
  return cpus;
}

Bottleneck BottleneckOf(double client_utilization, double responder_utilization, bool shared) {
  if (shared) {
    return client_utilization + responder_utilization >= kUtilizationFull ? Bottleneck::kSharedCpu
                                                                          : Bottleneck::kNeither;
  }
  const bool client = client_utilization >= kUtilizationFull;
  const bool responder = responder_utilization >= kUtilizationFull;
  if (client && responder) return Bottleneck::kBoth;
  if (client) return Bottleneck::kClient;
  return responder ? Bottleneck::kResponder : Bottleneck::kNeither;
}

Calibration Calibrate(const CalibrationOptions& options, int stop_fd) {
  CheckOptions(options);
  Calibration calibration;
  calibration.options = options;
  calibration.cpus = AssignCpus(AllowedCpus(), options.cpus, options.threads);
  std::vector<EngineKind> engines = {options.engine};
  if (options.engine == EngineKind::kAuto) {
    const EngineChoice best = ChooseEngine(EngineKind::kAuto);
    calibration.io_uring_reason = best.reason;
    engines = {EngineKind::kEpoll};
    if (best.kind == EngineKind::kIoUring) engines.push_back(best.kind);
  }
  // Before the fork: the responder has one open file for each connection too.
  const uint64_t wanted =
      options.connections.value_or(kConnectionsDefault) + FilesBesideConnections(options.threads);
  const OpenFilesLimit limit = RaiseOpenFilesLimit(wanted);
  if (options.connections && limit.soft < wanted) {
    throw UsageError("--connections: " + std::to_string(*options.connections) + " need " +
                     std::to_string(wanted) + " open files, and the limit is " +
                     std::to_string(limit.soft) + "; raise it (ulimit -Hn) or ask for fewer");
  }
  for (const EngineKind engine : engines) {
    for (const size_t connections :
         CalibrationConnections(options.connections, limit.soft, options.threads)) {
      calibration.runs.push_back(RunOnce(calibration, engine, connections, stop_fd));
      calibration.stopped_early = calibration.runs.back().load.stopped_early;
      if (calibration.stopped_early) return calibration;
    }
  }
  return calibration;
}

std::string ToText(const Calibration& calibration) {
  const CalibrationCpus& cpus = calibration.cpus;
  std::string text = "null responder on CPU " + std::to_string(cpus.responder) +
                     ", client on CPU " + FormatCpuList(cpus.client);
  text +=
      cpus.shared ? ": they share one, and neither's ceiling can be told from the other's\n" : "\n";
  if (!calibration.io_uring_reason.empty()) {
    text += "without io_uring: " + calibration.io_uring_reason + "\n";
  }
  char header[256];
  std::snprintf(header, sizeof header, "%-9s %11s %11s %14s %9s %9s %9s %9s  %-10s  %s\n", "engine",
                "connections", "requests/s", "per CPU-second", "client", "responder", "p50", "p99",
                "limited by", "ledger");
  text += header;
  for (const CalibrationRun& run : calibration.runs) AppendRow(text, run);
  if (const CalibrationRun* const best = calibration.fastest()) {
    text += "fastest: " + Rounded(best->load.throughput_rps()) + " requests/s (" +
            EngineName(best->load.engine.kind) + ", " + CountText(best->load.options.connections) +
            " connections); " + BottleneckSentence(best->bottleneck) + "\n";
  }
  text += calibration.stopped_early ? "ledger: stopped early\n"
          : calibration.flawless()
              ? "ledger: flawless, every request verified and every connection served\n"
              : "ledger: FLAWED, some requests or connections failed or were not served\n";
  return text;
}

nlohmann::json ToJson(const Calibration& calibration) {
  using nlohmann::json;
  const auto to_json = [&](const CalibrationRun& run) -> json {
    const LoadResult& load = run.load;
    const auto quantile = [&](double q) {
      return load.latency.count() == 0 ? json(nullptr) : json(load.latency.QuantileNs(q));
    };
    const double per_cpu_second = run.requests_per_cpu_second();
    return {{"engine", EngineName(load.engine.kind)},
            {"connections", load.options.connections},
            {"threads", load.options.threads},
            {"window_seconds", load.window_seconds()},
            {"throughput_rps", load.throughput_rps()},
            {"requests_per_client_cpu_second",
             per_cpu_second > 0 ? json(per_cpu_second) : json(nullptr)},
            {"client_utilization", load.busiest_utilization()},
            {"responder_utilization", run.responder_utilization},
            {"latency_ns", {{"p50", quantile(0.5)}, {"p99", quantile(0.99)}}},
            {"limited_by", BottleneckName(run.bottleneck)},
            {"errors", load.ledger.errors()},
            {"starved", load.fairness.starved()},
            {"flawless", load.flawless()}};
  };
  json runs = json::array();
  for (const CalibrationRun& run : calibration.runs) runs.push_back(to_json(run));
  const CalibrationRun* const best = calibration.fastest();
  return {{"schema", "crossover-calibration/1"},
          {"responder_cpu", calibration.cpus.responder},
          {"client_cpus", calibration.cpus.client},
          {"cpu_shared", calibration.cpus.shared},
          {"io_uring_reason",
           calibration.io_uring_reason.empty() ? json(nullptr) : json(calibration.io_uring_reason)},
          {"runs", std::move(runs)},
          {"fastest", best == nullptr ? json(nullptr) : to_json(*best)},
          {"flawless", calibration.flawless()},
          {"stopped_early", calibration.stopped_early}};
}

void Write(const Calibration& calibration, const std::string& json_path) {
  const bool to_stdout = json_path == "-";
  if (!json_path.empty() && !to_stdout) WriteJsonFile(json_path, ToJson(calibration));
  const std::string text = to_stdout ? ToJson(calibration).dump(2) + "\n" : ToText(calibration);
  if (std::fputs(text.c_str(), stdout) < 0 || std::fflush(stdout) != 0) {
    throw UsageError("can't write to standard output");
  }
}

}  // namespace crossover
