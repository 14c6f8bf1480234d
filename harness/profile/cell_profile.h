// CellProfile: what the instruments found in a cell, as its entry in the report.
#pragma once

#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "harness/cell.h"
#include "harness/profile/stacks.h"

namespace crossover {

// The kept stacks of a run, by the file that their trial's record names.
using StacksByFile = std::map<std::string, Stacks>;

// Reads those of the log's profile trials. What is missing or damaged is left out.
StacksByFile ReadStacks(const std::filesystem::path& run_directory, const TrialLog& log);

// "profile": classes and their shares, their part of the cell's CPU per request, the functions with
// the most samples, and how far samples and the kernel's own account agree; or why there is none.
// Null if the experiment has no such trials.
nlohmann::ordered_json ProfileToJson(const Cell& cell, const StacksByFile& stacks);

// "trace": run-queue latency, time off the CPU, system calls by name, events per epoll_wait; or why
// there is none. Null if the experiment has no such trials.
nlohmann::ordered_json TraceToJson(const Cell& cell);

// The trials' slices in pairs, one with the instrument and one without beside it, or where it was
// on in one stretch, that and what surrounds it: CPU per request with it, as a multiple of that
// without. For all cells together; null if there are no such slices.
nlohmann::ordered_json InstrumentCost(const TrialLog& log, Pass pass);

// The same of reading the throughput pass's counters once in a slice, from the profile's trials.
nlohmann::ordered_json CountersCost(const TrialLog& log);

}  // namespace crossover
