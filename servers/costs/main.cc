// crossover-costs: what the single steps cost, in CPU time of the server's side, that a request is
// made of.
#include <benchmark/benchmark.h>
#include <signal.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include "base/cpu_list.h"
#include "base/error.h"
#include "base/limits.h"
#include "servers/costs/cost.h"
#include "servers/costs/report.h"
#include "servers/costs/stage.h"

namespace crossover {
namespace {

constexpr double kSecondsMin = 1e-6;
constexpr double kSecondsMax = 60;

struct CommandLine {
  std::vector<size_t> connections = {200, 8000, 16000};
  std::vector<std::string> only;
  Placement placement;
  double seconds = 0.1;
  bool events = false;
};

void Declare(CLI::App& app, CommandLine& line) {
  app.add_option("--connections", line.connections,
                 "Numbers of connections, or threads, to measure with")
      ->delimiter(',')
      ->check(CLI::Range(size_t{1}, limits::kConnectionsMax))
      ->capture_default_str();
  app.add_option("--server-cpu", line.placement.server_cpu,
                 "Where the measured side runs; default: the first CPU that it may use");
  app.add_option("--client-cpu", line.placement.client_cpu,
                 "Where the other side runs; default: the last");
  app.add_option("--seconds", line.seconds, "CPU time of each measurement, about")
      ->check(CLI::Range(kSecondsMin, kSecondsMax))
      ->capture_default_str();
  app.add_option("--only", line.only, "Measure the costs of these names only")->delimiter(',');
  app.add_flag("--events", line.events, "Tell the costs in lines of JSON on standard output");
}

void ChoosePlacement(const CLI::App& app, Placement& placement) {
  const std::vector<int> allowed = AllowedCpus();
  if (app.count("--server-cpu") == 0) placement.server_cpu = allowed.front();
  if (app.count("--client-cpu") == 0) placement.client_cpu = allowed.back();
  for (const int cpu : {placement.server_cpu, placement.client_cpu}) {
    if (std::find(allowed.begin(), allowed.end(), cpu) != allowed.end()) continue;
    throw UsageError("CPU " + std::to_string(cpu) +
                     " is not among those that this may use: " + FormatCpuList(allowed));
  }
  if (placement.server_cpu != placement.client_cpu) return;
  throw UsageError("--server-cpu and --client-cpu are both " +
                   std::to_string(placement.server_cpu) + ": two CPUs are needed; choose among " +
                   FormatCpuList(allowed));
}

// In the order in which they are measured: those that share a set-up follow each other.
std::vector<Cost> AllCosts(const Placement& placement, const std::vector<size_t>& connections) {
  std::vector<Cost> costs;
  const auto add = [&](std::vector<Cost> more) {
    costs.insert(costs.end(), more.begin(), more.end());
  };
  add(ProcessorCosts(placement));
  add(WakeCosts(placement));
  add(PreemptionCosts(placement));
  add(HandOffCosts(placement));
  add(AsioCosts(placement));
  add(UringCosts(placement));
  for (const size_t n : connections) {
    add(SessionCosts(placement, n));
    add(SocketCosts(placement, n));
    add(AsioSocketCosts(placement, n));
    add(UringSocketCosts(placement, n));
    add(ThreadCosts(placement, n));
  }
  return costs;
}

std::vector<Cost> Chosen(std::vector<Cost> costs, const std::vector<std::string>& only) {
  if (only.empty()) return costs;
  std::string names;
  for (const Cost& cost : costs) {
    const std::string name(cost.name);
    if (("," + names + ",").find("," + name + ",") == std::string::npos) {
      names += (names.empty() ? "" : ",") + name;
    }
  }
  for (const std::string& name : only) {
    if (("," + names + ",").find("," + name + ",") != std::string::npos) continue;
    throw UsageError("--only: there is no cost '" + name + "'; choose among " + names);
  }
  std::erase_if(costs, [&](const Cost& cost) {
    return std::find(only.begin(), only.end(), cost.name) == only.end();
  });
  return costs;
}

int Main(int argc, char** argv) {
  CLI::App app("Measures what the steps cost that a server's request is made of.",
               "crossover-costs");
  CommandLine line;
  Declare(app, line);
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp& help) {
    return app.exit(help);
  } catch (const CLI::ParseError& error) {
    throw UsageError(std::string(error.what()) + " (see --help)");
  }
  ChoosePlacement(app, line.placement);
  std::sort(line.connections.begin(), line.connections.end());
  line.connections.erase(std::unique(line.connections.begin(), line.connections.end()),
                         line.connections.end());
  signal(SIGPIPE, SIG_IGN);
  CostReporter reporter(line.events ? CostReporter::Format::kEvents : CostReporter::Format::kTable);
  for (const Cost& cost : Chosen(AllCosts(line.placement, line.connections), line.only)) {
    reporter.Register(cost, line.seconds);
  }
  benchmark::RunSpecifiedBenchmarks(&reporter, ".");
  benchmark::ClearRegisteredBenchmarks();
  TheStage().Clear();
  return 0;
}

}  // namespace

}  // namespace crossover

int main(int argc, char** argv) {
  try {
    return crossover::Main(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "crossover-costs: %s\n", error.what());
    return crossover::kExitUsage;
  }
}
