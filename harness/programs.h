// Programs: the ones that this one starts, and where they are.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace crossover {

struct Programs {
  std::filesystem::path server;
  std::filesystem::path load;
  std::filesystem::path costs;
  std::filesystem::path responder;
  std::filesystem::path companion;
};

// crossover-server, crossover-load, crossover-costs, crossover-null and crossover-companion next to
// this executable, unless a path is given. Throws UsageError for one of the first two that is not
// there.
Programs FindPrograms(const std::string& server, const std::string& load);

// What `server` --list prints. Throws UsageError if it fails. Main thread only.
std::vector<std::string> KnownArchitectures(const std::filesystem::path& server);

// Draws the charts of a run with plots/charts.py, which is expected beside the directory of this
// executable. Empty, or one line that says why there are none and what to do. Main thread only.
std::string DrawCharts(const std::filesystem::path& run_directory);
// The same of a self-test's summary, with plots/selftest_chart.py.
std::string DrawSelfTest(const std::filesystem::path& summary);

}  // namespace crossover
