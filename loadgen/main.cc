// crossover-load: the load generator as people use it.
#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <limits>
#include <optional>
#include <string>
#include <utility>

#include "base/clock.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/limits.h"
#include "base/ndjson.h"
#include "loadgen/calibrate.h"
#include "loadgen/command_line.h"
#include "loadgen/json_report.h"
#include "loadgen/live_view.h"
#include "loadgen/load_generator.h"
#include "loadgen/text_report.h"

namespace crossover {
namespace {

// Blocks the signals that end a run for all threads to come. The descriptor becomes readable with
// the first of them.
Fd StopSignals() {
  signal(SIGPIPE, SIG_IGN);
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  if (sigprocmask(SIG_BLOCK, &signals, nullptr) != 0) ThrowErrno("sigprocmask");
  Fd fd(signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd) ThrowErrno("signalfd");
  return fd;
}

// What standard input says, line by line.
class Commands {
 public:
  explicit Commands(int stop_fd) : stop_fd_(stop_fd) {}

  // Waits for {"command":"go"}. False if standard input ends, or the run is to stop.
  bool WaitForGo() {
    const std::optional<nlohmann::json> command = Next();
    if (command && NameOf(*command) != "go") Refuse(R"({"command":"go"})");
    return command.has_value();
  }

  // Waits for the order of a slice. nullopt for {"command":"end"}, and where WaitForGo is false.
  std::optional<SliceOrder> WaitForSlice() {
    std::optional<nlohmann::json> command = Next();
    // The tail was over before its end was asked for.
    while (command && NameOf(*command) == "drain") command = Next();
    if (!command || NameOf(*command) == "end") return std::nullopt;
    if (NameOf(*command) != "slice") RefuseSlice();
    const SliceOrder order{.settle_ns = NumberOf(*command, "settle_ns"),
                           .duration_ns = NumberOf(*command, "duration_ns"),
                           .tail_ns = NumberOf(*command, "tail_ns")};
    if (order.settle_ns >= order.duration_ns) RefuseSlice();
    return order;
  }

  // Waits for {"command":"drain"}. False at the deadline, where WaitForGo is false, and if
  // something else comes, which is kept.
  bool WaitForDrain(int64_t deadline_ns) {
    kept_ = Next(deadline_ns);
    if (!kept_ || NameOf(*kept_) != "drain") return false;
    kept_.reset();
    return true;
  }

 private:
  // The next line. nullopt if there is none any more, none until then, or the run is to stop.
  std::optional<nlohmann::json> Next(int64_t deadline_ns = std::numeric_limits<int64_t>::max()) {
    if (kept_) return std::exchange(kept_, std::nullopt);
    while (true) {
      const LineReader::Status status = lines_.Next(line_, 0);
      if (status == LineReader::Status::kEnd) return std::nullopt;
      if (status == LineReader::Status::kLine) return nlohmann::json::parse(line_, nullptr, false);
      const int64_t left_ns =
          std::clamp<int64_t>(deadline_ns - MonotonicNs(), 0, limits::kDurationMaxNs);
      if (left_ns == 0) return std::nullopt;
      const timespec timeout{left_ns / kNsPerSecond, left_ns % kNsPerSecond};
      pollfd polled[2] = {{STDIN_FILENO, POLLIN, 0}, {stop_fd_, POLLIN, 0}};
      if (ppoll(polled, 2, &timeout, nullptr) < 0 && errno != EINTR) ThrowErrno("ppoll");
      if (polled[1].revents != 0) return std::nullopt;
    }
  }

  static nlohmann::json NameOf(const nlohmann::json& command) {
    return command.is_object() ? command.value("command", nlohmann::json()) : nlohmann::json();
  }

  // From 0 to a day; 0 if it isn't there.
  int64_t NumberOf(const nlohmann::json& command, const char* key) const {
    const nlohmann::json value = command.value(key, nlohmann::json(0));
    if (!value.is_number_integer() || value < 0 || value > limits::kDurationMaxNs) RefuseSlice();
    return value;
  }

  [[noreturn]] void RefuseSlice() const {
    Refuse(R"({"command":"slice","duration_ns":N,"settle_ns":less than N} or {"command":"end"})");
  }

  [[noreturn]] void Refuse(const std::string& expected) const {
    throw UsageError("standard input: expected " + expected + ", got '" + line_.substr(0, 100) +
                     "'");
  }

  const int stop_fd_;
  LineReader lines_{STDIN_FILENO};
  std::string line_;
  std::optional<nlohmann::json> kept_;  // was read, and is for the next who asks
};

// One line on why there is nothing to see, if there is nothing.
void ExplainFailure(const LoadResult& result) {
  const ConnectionLedger& connections = result.ledger.connections;
  if (connections.established == 0 && connections.refused > 0) {
    std::fprintf(stderr,
                 "crossover-load: %s refused every connection; does a server listen there?\n",
                 result.address.c_str());
  } else if (connections.established == 0) {
    std::fprintf(stderr, "crossover-load: no connection to %s could be established\n",
                 result.address.c_str());
  } else if (result.ledger.requests.verified == 0) {
    std::fprintf(stderr, "crossover-load: no response from %s was right; nothing was measured\n",
                 result.address.c_str());
  }
}

void Report(const CommandLine& line, const LoadResult& result) {
  const bool to_stdout = line.json_path == "-";
  if (!line.json_path.empty() && !to_stdout) WriteJsonFile(line.json_path, ToJson(result));
  if (!line.hgrm_path.empty()) WriteHgrmFile(line.hgrm_path, result.latency);
  if (!line.trace_path.empty()) WriteTraceFile(line.trace_path, result.trace);
  bool written = true;
  if (line.events) {
    written = WriteJsonLine(
        STDOUT_FILENO, {{"event", "done"}, {"time_ns", MonotonicNs()}, {"result", ToJson(result)}});
  } else {
    const std::string text = to_stdout ? ToJson(result).dump(2) + "\n" : ToText(result);
    written = std::fputs(text.c_str(), stdout) >= 0 && std::fflush(stdout) == 0;
  }
  if (!written) throw UsageError("can't write to standard output");
  ExplainFailure(result);
}

// The terminal to show the run on, or -1. Throws UsageError if one is asked for and there is none.
int LiveTerminal(const CommandLine& line) {
  if (!line.live.value_or(line.json_path != "-")) return -1;
  for (const int fd : {STDERR_FILENO, STDOUT_FILENO}) {
    if (CanShowLive(fd)) return fd;
  }
  if (!line.live) return -1;
  throw UsageError("--live: neither standard error nor standard output is a terminal");
}

int Main(int argc, char** argv) {
  CommandLine line = ParseCommandLine(argc, argv);
  if (line.help) {
    std::fputs(line.help_text.c_str(), stdout);
    return 0;
  }
  const Fd stop = StopSignals();
  if (line.calibration) {
    const Calibration calibration = Calibrate(*line.calibration, stop.get());
    Write(calibration, line.json_path);
    return calibration.flawless() ? 0 : kExitFailure;
  }
  LoadControl control;
  control.stop_fd = stop.get();
  Commands commands(stop.get());
  if (line.events) {
    control.on_event = [](const LoadEvent& event) { WriteJsonLine(STDOUT_FILENO, ToJson(event)); };
    if (line.slices) {
      control.next_slice = [&] { return commands.WaitForSlice(); };
      control.await_drain = [&](int64_t deadline_ns) { return commands.WaitForDrain(deadline_ns); };
    } else {
      control.may_begin = [&] { return commands.WaitForGo(); };
    }
    control.on_interval = [](const LoadInterval& interval) {
      if (interval.phase == LoadInterval::Phase::kConnect) return;  // it has begun before "go"
      WriteJsonLine(STDOUT_FILENO, ToJson(interval));
    };
  }
  std::optional<LiveView> view;
  if (const int terminal = LiveTerminal(line); terminal >= 0) {
    if (line.load.interval_ns == 0) line.load.interval_ns = kLiveIntervalNs;
    view.emplace(terminal, line.load);
    control.on_event = [&](const LoadEvent& event) { view->Show(event); };
    control.on_interval = [&](const LoadInterval& interval) { view->Show(interval); };
  }
  const LoadResult result = Run(line.load, control);
  view.reset();
  Report(line, result);
  return result.flawless() ? 0 : kExitFailure;
}

}  // namespace
}  // namespace crossover

int main(int argc, char** argv) {
  try {
    return crossover::Main(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "crossover-load: %s\n", error.what());
    return crossover::kExitUsage;
  }
}
