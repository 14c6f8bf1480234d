#include "harness/programs.h"

#include <unistd.h>

#include <system_error>

#include "base/clock.h"
#include "base/error.h"
#include "harness/child_process.h"
#include "harness/conversation.h"

namespace crossover {
namespace {

constexpr int64_t kListSeconds = 30;
constexpr int64_t kChartsSeconds = 300;

std::filesystem::path OwnDirectory() {
  return std::filesystem::read_symlink("/proc/self/exe").parent_path();
}

std::filesystem::path Locate(const std::string& given, const char* name) {
  const std::filesystem::path path =
      given.empty() ? OwnDirectory() / name : std::filesystem::path(given);
  if (::access(path.c_str(), X_OK) != 0) {
    throw UsageError(path.string() + " is not there or cannot be run; build it with: make build");
  }
  return std::filesystem::absolute(path);
}

// All lines of a program that runs to its end, and how it ended.
struct Output {
  std::vector<std::string> lines;
  std::optional<ExitStatus> status;  // nullopt: not in time
};

Output ReadAll(ChildProcess& child, int64_t deadline_ns) {
  Output output;
  child.CloseInput();
  std::string line;
  while (child.lines().Next(line, deadline_ns) == LineReader::Status::kLine) {
    output.lines.push_back(line);
  }
  output.status = child.Wait(deadline_ns);
  return output;
}

// Empty, or one line: why not, and what to do before `again`.
std::string Draw(const std::string& name, const std::filesystem::path& what,
                 const std::string& again) {
  const std::filesystem::path script = OwnDirectory().parent_path() / "plots" / name;
  if (::access(script.c_str(), R_OK) != 0) return "no charts: " + script.string() + " is missing";
  const std::string python =
      ::access("/usr/bin/python3", X_OK) == 0 ? "/usr/bin/python3" : "python3";
  try {
    ChildProcess child =
        ChildProcess::Start({.name = name, .argv = {python, "-B", script, what}, .cpus = {}});
    const Output output = ReadAll(child, MonotonicNs() + kChartsSeconds * kNsPerSecond);
    if (output.status && output.status->Success()) return {};
    const std::string said = child.LastStderrLine();
    return "no charts: " +
           (!said.empty()   ? said
            : output.status ? name + ": " + output.status->Describe()
                            : name + " took too long") +
           " (needed: sudo apt-get install python3-matplotlib; then: " + again + ")";
  } catch (const std::system_error& error) {
    return std::string("no charts: ") + error.what() +
           " (needed: sudo apt-get install python3 python3-matplotlib)";
  }
}

}  // namespace

Programs FindPrograms(const std::string& server, const std::string& load) {
  return {.server = Locate(server, "crossover-server"),
          .load = Locate(load, "crossover-load"),
          .costs = OwnDirectory() / "crossover-costs",
          .responder = OwnDirectory() / "crossover-null",
          .companion = OwnDirectory() / "crossover-companion"};
}

std::vector<std::string> KnownArchitectures(const std::filesystem::path& server) {
  ChildProcess child =
      ChildProcess::Start({.name = "the server", .argv = {server, "--list"}, .cpus = {}});
  Output output = ReadAll(child, MonotonicNs() + kListSeconds * kNsPerSecond);
  if (!output.status || !output.status->Success()) {
    throw UsageError(output.status ? DescribeEnd(child, *output.status, "listing architectures")
                                   : "the server did not list its architectures in time");
  }
  return std::move(output.lines);
}

std::string DrawCharts(const std::filesystem::path& run_directory) {
  return Draw("charts.py", run_directory, "crossover report " + run_directory.string());
}

std::string DrawSelfTest(const std::filesystem::path& summary) {
  return Draw("selftest_chart.py", summary, "crossover selftest --show");
}

}  // namespace crossover
