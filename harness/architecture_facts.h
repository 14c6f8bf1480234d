// What servers/architectures.def says of each architecture, for those who plan and tune.
#pragma once

#include <cstdint>
#include <string_view>

#include "harness/experiment.h"
#include "servers/architecture.h"

namespace crossover {

// Threads (or processes, of one thread each) of the server for so many connections on so many CPUs,
// at most: those that serve, and two more. What is not known is taken for a thread for each
// connection, the most that any takes.
int64_t ServerThreads(const ArchitectureLevel& architecture, int64_t connections, int64_t cpus);

// Whether each of those is a process.
bool ServesInProcesses(std::string_view architecture);

// The Knobs that it has; none for one that is not known.
unsigned KnobsOf(std::string_view architecture);

}  // namespace crossover
