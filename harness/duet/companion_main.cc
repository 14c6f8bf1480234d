// crossover-companion: a companion as a program; crossover selftest starts it.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>

#include "base/clock.h"
#include "base/error.h"
#include "base/ndjson.h"
#include "harness/duet/companion.h"

namespace crossover {
namespace {

int Main(int argc, char** argv) {
  CLI::App app(
      "Takes a share of the CPU time that a server takes, beside it, until it ends: for the "
      "instrument's self-test.",
      "crossover-companion");
  pid_t server = 0;
  double share = 0;
  app.add_option("--of", server, "The server's process")->required();
  app.add_option("--share", share, "Of its CPU time: 0.03")
      ->required()
      ->check(CLI::Range(0.0, 10.0));
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp& help) {
    return app.exit(help);
  } catch (const CLI::ParseError& error) {
    throw UsageError(std::string(error.what()) + " (see --help)");
  }
  Accompany(server, share, [] {
    WriteJsonLine(STDOUT_FILENO, {{"event", "ready"}, {"time_ns", MonotonicNs()}});
  });
  return 0;
}

}  // namespace
}  // namespace crossover

int main(int argc, char** argv) {
  try {
    return crossover::Main(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "crossover-companion: %s\n", error.what());
    return crossover::kExitUsage;
  }
}
