// crossover-server: one architecture, serving HTTP until it is told to stop.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include "base/cpu_list.h"
#include "base/duration.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/open_files.h"
#include "servers/architecture.h"
#include "servers/control.h"
#include "servers/slow_down.h"

namespace crossover {
namespace {

struct CommandLine {
  ServerOptions server;
  std::string listen = "127.0.0.1:8080";
  std::string idle_timeout = "60s";
  std::string header_timeout = "10s";
  std::string overflow = "reject";
  std::string busy_poll = "0s";
  std::string slow_down = "0%";
  std::string control_cpus;
  bool list = false;
};

std::string Summaries() {
  std::string text;
  for (const ArchitectureEntry& entry : Architectures()) {
    text += "\n  " + std::string(entry.name) + ": " + std::string(entry.summary);
  }
  return text;
}

void Declare(CLI::App& app, CommandLine& line) {
  ServerOptions& server = line.server;
  app.add_option("--architecture", server.architecture, "Which one:" + Summaries());
  app.add_option("--listen", line.listen, "Address and port; port 0: any free one")
      ->capture_default_str();
  app.add_option("--workers", server.knobs.workers,
                 "Workers, where their number is fixed; 0: one for each CPU")
      ->check(CLI::Range(size_t{0}, limits::kThreadsMax))
      ->capture_default_str();
  app.add_option("--workers-max", server.knobs.workers_max,
                 "Limit of a growing pool (worker-pool, prefork)")
      ->check(CLI::Range(size_t{1}, limits::kPoolWorkersMax))
      ->capture_default_str();
  app.add_option("--overflow", line.overflow,
                 "At that limit: reject (503), queue, or grow beyond it")
      ->check(CLI::IsMember({"reject", "queue", "grow"}))
      ->capture_default_str();
  app.add_option("--stack-bytes", server.knobs.stack_bytes, "Stack of a serving thread")
      ->check(CLI::Range(limits::kStackBytesMin, limits::kStackBytesMax))
      ->capture_default_str();
  app.add_option("--batch", server.knobs.batch, "Events taken from the kernel at once")
      ->check(CLI::Range(size_t{1}, limits::kBatchMax))
      ->capture_default_str();
  app.add_option("--busy-poll", line.busy_poll,
                 "How long an epoll loop spins for events before it blocks")
      ->capture_default_str();
  app.add_option("--backlog", server.backlog, "Of listen(); the kernel grants somaxconn at most")
      ->check(CLI::Range(1, limits::kBacklogMax))
      ->capture_default_str();
  app.add_option("--idle-timeout", line.idle_timeout, "Between requests, and for a body")
      ->capture_default_str();
  app.add_option("--header-timeout", line.header_timeout, "For a header, first byte to last")
      ->capture_default_str();
  app.add_option("--slow-down", line.slow_down,
                 "Each thread that serves takes so much more CPU time, whatever it does, by "
                 "spinning for that share of it every 64 requests")
      ->capture_default_str();
  app.add_option(
      "--control-cpus", line.control_cpus,
      "Where the thread runs that answers on standard output (0-3,8); default: anywhere");
  app.add_flag("--list", line.list, "Lists the architectures, one a line, and ends");
}

// A knob that is ignored would be measured as if it had been turned.
void RefuseForeignKnobs(const CLI::App& app, const ArchitectureEntry& architecture) {
  struct Flag {
    const char* name;
    unsigned knob;
  };
  static constexpr Flag kFlags[] = {
      {"--workers", kKnobWorkers},   {"--workers-max", kKnobWorkersMax},
      {"--overflow", kKnobOverflow}, {"--stack-bytes", kKnobStack},
      {"--batch", kKnobBatch},       {"--busy-poll", kKnobBusyPoll}};
  std::string has;
  for (const Flag& flag : kFlags) {
    if ((architecture.knobs & flag.knob) != 0)
      has += (has.empty() ? "" : ", ") + std::string(flag.name);
  }
  for (const Flag& flag : kFlags) {
    if (app.count(flag.name) == 0 || (architecture.knobs & flag.knob) != 0) continue;
    throw UsageError(std::string(flag.name) + ": " + std::string(architecture.name) +
                     " has no such knob; leave it out (it has " + has + ")");
  }
}

int64_t PositiveDurationNs(const std::string& text, const char* option) {
  const int64_t ns = ParseDurationNs(text, option);
  if (ns == 0) throw UsageError(std::string(option) + ": must be more than 0");
  return ns;
}

int Main(int argc, char** argv) {
  CLI::App app("Serves HTTP with one server architecture, for crossover to measure.",
               "crossover-server");
  CommandLine line;
  Declare(app, line);
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp& help) {
    return app.exit(help);
  } catch (const CLI::ParseError& error) {
    throw UsageError(std::string(error.what()) + " (see --help)");
  }
  if (line.list) {
    for (const ArchitectureEntry& entry : Architectures()) std::puts(entry.name.data());
    return 0;
  }
  if (line.server.architecture.empty()) {
    throw UsageError("--architecture is missing; --list shows the choice");
  }
  if (const auto* entry = FindArchitecture(line.server.architecture)) {
    RefuseForeignKnobs(app, *entry);
  }
  line.server.listen = ParseListenAddress(line.listen);
  line.server.knobs.overflow = line.overflow == "queue"  ? Overflow::kQueue
                               : line.overflow == "grow" ? Overflow::kGrow
                                                         : Overflow::kReject;
  line.server.timeouts.idle_ns = PositiveDurationNs(line.idle_timeout, "--idle-timeout");
  line.server.timeouts.header_ns = PositiveDurationNs(line.header_timeout, "--header-timeout");
  line.server.knobs.busy_poll_ns = ParseDurationNs(line.busy_poll, "--busy-poll");
  line.server.slow_down = ParseSlowDown(line.slow_down);
  RaiseOpenFilesLimit(limits::kConnectionsMax);
  std::vector<int> control_cpus;
  if (!line.control_cpus.empty()) {
    control_cpus = ParseCpuList(line.control_cpus, "--control-cpus");
  }
  ServeWithControl(line.server, control_cpus);
  return 0;
}

}  // namespace
}  // namespace crossover

int main(int argc, char** argv) {
  try {
    return crossover::Main(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "crossover-server: %s\n", error.what());
    return crossover::kExitUsage;
  }
}
