#include "harness/architecture_facts.h"

#include <algorithm>

#include "base/limits.h"

namespace crossover {
namespace {

struct Facts {
  std::string_view architecture;
  ThreadUse threads;
  unsigned knobs;
};

constexpr Facts kFacts[] = {
#define ARCHITECTURE(name, factory, threads, knobs, summary) {name, ThreadUse::threads, knobs},
#include "servers/architectures.def"
#undef ARCHITECTURE
};

constexpr int64_t kSpareProcesses = 32 + 10;  // a burst, and those that idle
constexpr int64_t kBesideTheServing = 2;      // the main thread, and the one that answers to us

const Facts* Find(std::string_view architecture) {
  const auto* const facts = std::ranges::find(kFacts, architecture, &Facts::architecture);
  return facts == std::end(kFacts) ? nullptr : facts;
}

int64_t ServingThreads(ThreadUse use, const ArchitectureFlags& options, int64_t connections,
                       int64_t cpus) {
  switch (use) {
    case ThreadUse::kOne:
      return 1;
    case ThreadUse::kWorkers:
      return options.workers.value_or(0) > 0 ? *options.workers : cpus;
    case ThreadUse::kGrowing:
      if (options.overflow == "grow") return connections;
      return std::min(options.workers_max.value_or(limits::kPoolWorkersMax), connections);
    case ThreadUse::kProcesses:  // and those that are kept ready
      return std::min(options.workers_max.value_or(limits::kPoolWorkersMax),
                      connections + kSpareProcesses);
    case ThreadUse::kConnections:
      break;
  }
  return connections;
}

}  // namespace

int64_t ServerThreads(const ArchitectureLevel& architecture, int64_t connections, int64_t cpus) {
  const Facts* const facts = Find(architecture.name);
  const ThreadUse use = facts == nullptr ? ThreadUse::kConnections : facts->threads;
  return ServingThreads(use, architecture.options, connections, cpus) + kBesideTheServing;
}

bool ServesInProcesses(std::string_view architecture) {
  const Facts* const facts = Find(architecture);
  return facts != nullptr && facts->threads == ThreadUse::kProcesses;
}

unsigned KnobsOf(std::string_view architecture) {
  const Facts* const facts = Find(architecture);
  return facts == nullptr ? 0 : facts->knobs;
}

}  // namespace crossover
