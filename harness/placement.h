// Placement: which CPUs the server gets, and which the load generator (and this harness).
#pragma once

#include <string>
#include <vector>

#include "harness/experiment.h"

namespace crossover {

// A CPU that may be used, and the physical core that it belongs to (any number; the same for
// hardware threads that share a core).
struct CpuCore {
  int cpu = 0;
  int core = 0;
};

struct CpuSets {
  std::vector<int> server;
  std::vector<int> client;
  bool Overlap() const;
};

// The CPUs that this process may run on, each with its core. A machine that doesn't tell its cores
// has one CPU in each.
std::vector<CpuCore> ReadAllowedCores();

// Divides `allowed` as `placement` says. A pure function.
//   isolated: disjoint. With two CPUs the server gets the first and the client the second; with
//             more the server gets whole cores, about a third of them and at least one, and the
//             client the rest, so that the server is the limit.
//   shared:   both get all.
//   explicit: as given.
// Throws UsageError if there is one CPU only (isolated), or a CPU is not allowed (explicit).
CpuSets PlaceCpus(const std::vector<CpuCore>& allowed, const Placement& placement);

}  // namespace crossover
