// ProfileFiles: what stands beside a report for people who read pprof.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>

#include "harness/cell.h"
#include "harness/profile/cell_profile.h"

namespace crossover {

// Writes RUN_DIRECTORY/profiles/LABEL-CONNECTIONS[-WORKLOAD].top.txt and .pb (see ToPprof) for each
// cell that has a profile, and LABEL[-WORKLOAD].side-by-side.txt for each architecture with more
// than one number of connections. Throws system_error.
void WriteProfileFiles(const std::filesystem::path& run_directory, const TrialLog& log,
                       const std::vector<Cell>& cells, const StacksByFile& stacks);

// "epoll-pool-8000", with the workload if there are several: how files of a cell begin.
std::string CellFileName(const Experiment& experiment, const std::string& label,
                         int64_t connections, const std::string& workload);

}  // namespace crossover
