// crossover-null: NullResponder as a program.
#include <sys/prctl.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>

#include "base/clock.h"
#include "base/duration.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/ndjson.h"
#include "base/open_files.h"
#include "loadgen/null_responder.h"

namespace crossover {
namespace {

NullResponder* responder = nullptr;

int Main(int argc, char** argv) {
  CLI::App app(
      "Answers every request with the same 200, as cheaply as can be: for finding out what a load "
      "generator can do. Serves on 127.0.0.1 until SIGTERM or SIGINT.",
      "crossover-null");
  uint16_t port = 0;
  std::string stall;
  std::string every;
  app.add_option("--port", port, "0: any free one")->capture_default_str();
  auto* const stall_option = app.add_option("--stall", stall, "Stop for so long (100ms) ...");
  auto* const every_option =
      app.add_option("--every", every, "... so often (1s), from start_ns of the ready line on");
  stall_option->needs(every_option);
  every_option->needs(stall_option);
  bool busy_poll = false;
  app.add_flag("--busy-poll", busy_poll, "Never sleep");
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp& help) {
    return app.exit(help);
  } catch (const CLI::ParseError& error) {
    throw UsageError(std::string(error.what()) + " (see --help)");
  }
  StallSchedule stalls;
  if (stall_option->count() > 0) {
    stalls.duration_ns = ParseDurationNs(stall, "--stall");
    stalls.every_ns = ParseDurationNs(every, "--every");
    if (stalls.duration_ns >= stalls.every_ns) {
      throw UsageError("--stall: must be shorter than --every");
    }
  }
  RaiseOpenFilesLimit(limits::kConnectionsMax);
  prctl(PR_SET_TIMERSLACK, 1);
  NullResponder null(port, stalls, busy_poll);
  responder = &null;
  std::signal(SIGTERM, [](int) { responder->Stop(); });
  std::signal(SIGINT, [](int) { responder->Stop(); });
  WriteJsonLine(STDOUT_FILENO, {{"event", "ready"},
                                {"port", null.port()},
                                {"start_ns", null.start_ns()},
                                {"time_ns", MonotonicNs()}});
  null.Run();
  WriteJsonLine(STDOUT_FILENO, {{"event", "done"}, {"requests", null.requests()}});
  return 0;
}

}  // namespace
}  // namespace crossover

int main(int argc, char** argv) {
  try {
    return crossover::Main(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "crossover-null: %s\n", error.what());
    return crossover::kExitUsage;
  }
}
