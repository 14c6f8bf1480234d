#include "harness/placement.h"

#include <algorithm>
#include <map>

#include "base/cpu_list.h"
#include "base/error.h"
#include "harness/probe.h"

namespace crossover {
namespace {

std::optional<double> ReadTopology(int cpu, const std::string& file) {
  std::string why;
  const auto text =
      ReadSmallFile("/sys/devices/system/cpu/cpu" + std::to_string(cpu) + "/topology/" + file, why);
  return text ? NumberAfter(*text, "") : std::nullopt;
}

void RefuseUnlessAllowed(const std::vector<CpuCore>& allowed, const std::vector<int>& wanted,
                         const std::string& key) {
  std::vector<int> cpus;
  for (const CpuCore& each : allowed) cpus.push_back(each.cpu);
  for (const int cpu : wanted) {
    if (std::find(cpus.begin(), cpus.end(), cpu) != cpus.end()) continue;
    throw UsageError("placement." + key + ": CPU " + std::to_string(cpu) +
                     " is not among those that this process may use (" + FormatCpuList(cpus) + ")");
  }
}

// Fills up the server with whole groups, about a third of them; what remains is the client's.
CpuSets Divide(const std::vector<std::vector<int>>& groups) {
  const size_t server_groups = std::max<size_t>(1, (groups.size() + 1) / 3);
  CpuSets sets;
  for (size_t i = 0; i < groups.size(); ++i) {
    std::vector<int>& into = i < server_groups ? sets.server : sets.client;
    into.insert(into.end(), groups[i].begin(), groups[i].end());
  }
  std::sort(sets.server.begin(), sets.server.end());
  std::sort(sets.client.begin(), sets.client.end());
  return sets;
}

CpuSets Isolate(const std::vector<CpuCore>& allowed) {
  if (allowed.size() < 2) {
    throw UsageError(
        "placement: there is one CPU only, so that server and client cannot be isolated; set "
        "\"placement\": \"shared\" in the experiment");
  }
  std::map<int, std::vector<int>> by_core;
  for (const CpuCore& each : allowed) by_core[each.core].push_back(each.cpu);
  std::vector<std::vector<int>> groups;
  if (by_core.size() > 1 && allowed.size() > 2) {
    for (auto& [core, cpus] : by_core) groups.push_back(std::move(cpus));
    std::sort(groups.begin(), groups.end());
  } else {
    // Too few for whole cores: hardware threads, then.
    for (const CpuCore& each : allowed) groups.push_back({each.cpu});
  }
  return Divide(groups);
}

}  // namespace

bool CpuSets::Overlap() const {
  return std::any_of(server.begin(), server.end(), [this](int cpu) {
    return std::find(client.begin(), client.end(), cpu) != client.end();
  });
}

std::vector<CpuCore> ReadAllowedCores() {
  std::vector<CpuCore> cores;
  for (const int cpu : AllowedCpus()) {
    const auto package = ReadTopology(cpu, "physical_package_id");
    const auto core = ReadTopology(cpu, "core_id");
    // Core numbers start again in each package.
    const bool known = package && core && *core >= 0;
    const int id = known ? static_cast<int>(*package) * 65'536 + static_cast<int>(*core) : -1 - cpu;
    cores.push_back({.cpu = cpu, .core = id});
  }
  return cores;
}

CpuSets PlaceCpus(const std::vector<CpuCore>& allowed, const Placement& placement) {
  switch (placement.mode) {
    case Placement::Mode::kIsolated:
      return Isolate(allowed);
    case Placement::Mode::kExplicit:
      RefuseUnlessAllowed(allowed, placement.server_cpus, "server");
      RefuseUnlessAllowed(allowed, placement.client_cpus, "client");
      return {.server = placement.server_cpus, .client = placement.client_cpus};
    case Placement::Mode::kShared:
      break;
  }
  CpuSets sets;
  for (const CpuCore& each : allowed) sets.server.push_back(each.cpu);
  sets.client = sets.server;
  return sets;
}

}  // namespace crossover
