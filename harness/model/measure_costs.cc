#include "harness/model/measure_costs.h"

#include <array>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/error.h"
#include "harness/conversation.h"

namespace crossover {
namespace {

// Between two lines; for what hangs, not for what is slow.
constexpr int64_t kPatienceNs = 60 * kNsPerSecond;

std::vector<std::string> CostsCommand(const CostsSetup& setup) {
  std::string connections;
  for (const int64_t count : setup.connections) {
    connections += (connections.empty() ? "" : ",") + std::to_string(count);
  }
  return {setup.program,   "--events",
          "--connections", connections,
          "--server-cpu",  std::to_string(setup.cpus.server.front()),
          "--client-cpu",  std::to_string(setup.cpus.client.front())};
}

}  // namespace

CostReading MeasureCosts(const CostsSetup& setup) {
  static constexpr std::array<std::string_view, 3> kEvents = {"cost", "unavailable", "done"};
  CostReading reading;
  Conversation conversation(setup.interrupt_fd, setup.on_tick);
  conversation.SetStage("measuring single steps");
  ChildProcess child =
      ChildProcess::Start({.name = "crossover-costs",
                           .argv = CostsCommand(setup),
                           .cpus = {setup.cpus.server.front(), setup.cpus.client.front()}});
  try {
    while (true) {
      const auto line = conversation.AwaitAny(child, kEvents, MonotonicNs() + kPatienceNs);
      if (line.at("event") == "done") break;
      AddLine(JsonNode(line, child.name()), reading);
    }
    if (!child.Wait(MonotonicNs() + kPatienceNs)) throw TrialFailure("it did not end");
  } catch (const TrialFailure& failure) {
    reading.failed = failure.what();
  } catch (const UsageError& error) {
    reading.failed = error.what();
  }
  return reading;
}

}  // namespace crossover
