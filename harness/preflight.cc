#include "harness/preflight.h"

#include <sys/resource.h>

#include <algorithm>
#include <cstdio>

#include "base/clock.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/open_files.h"
#include "harness/architecture_facts.h"
#include "harness/wording.h"

namespace crossover {
namespace {

// The memory estimate, from what was seen on Linux 6 on x86-64 and rounded up. A thread: three
// touched pages of stack, 16 KiB of kernel stack, 12 KiB of task structures and page tables. A
// connection: two sockets with their files (4 KiB each) and, in flight, a buffer on each side
// (4 KiB); 8 KiB of the server's session and the client's state.
constexpr int64_t kThreadBytes = (12 + 16 + 12) * 1024;
// A process: a thread, page tables, and the pages of its parent that it has written.
constexpr int64_t kProcessBytes = 300 * 1024;
constexpr int64_t kConnectionBytes = (2 * 4 + 2 * 4 + 8) * 1024;
constexpr int64_t kBaseBytes = 256LL * 1024 * 1024;  // the programs, and room to breathe

constexpr int64_t kOpenFilesExtra = 128;  // beside the connections
constexpr int64_t kMapsExtra = 512;       // beside two for each thread: its stack and the guard
constexpr int64_t kThreadsExtra = 64;     // harness, control threads, charts
// Connections that a client makes and closes in a second for each CPU of the machine; an
// assumption, and rather too many.
constexpr int64_t kChurnPerSecond = 30'000;
constexpr int64_t kTimeWaitNs = 60 * kNsPerSecond;  // fixed in Linux
constexpr double kBusyShareMax = 0.10;              // of the CPUs, by others
constexpr double kMemoryShareMax = 0.80;            // above it: a warning

std::string Megabytes(int64_t bytes) {
  return IntegerText((bytes + 1024 * 1024 - 1) / (1024 * 1024)) + " MiB";
}

// Collects the checks of one machine.
class MachineJudge {
 public:
  MachineJudge(const Requirements& needed, const MachineLimits& limits)
      : needed_(needed), limits_(limits) {}

  std::vector<Check> All() {
    Cpus();
    OpenFiles();
    SystemFiles();
    Threads();
    Maps();
    Ports();
    Backlog();
    Memory();
    Frequency();
    FreeCpus();
    return std::move(checks_);
  }

 private:
  void Add(std::string name, std::string needed, std::string found, Check::Result result,
           std::string fix) {
    if (result == Check::Result::kOk) fix.clear();
    checks_.push_back(
        {std::move(name), std::move(needed), std::move(found), result, std::move(fix)});
  }

  // A whole number that must be at least `needed`. Not readable counts as fitting.
  void AtLeast(const std::string& name, int64_t needed, const std::optional<int64_t>& found,
               Check::Result otherwise, const std::string& fix) {
    const bool fits = !found || *found >= needed;
    Add(name, IntegerText(needed), found ? IntegerText(*found) : "no limit found",
        fits ? Check::Result::kOk : otherwise, fix);
  }

  static std::string Sysctl(const std::string& key, const std::string& value) {
    return "sudo sysctl -w " + key + "=" + value;
  }

  void Cpus() {
    const int64_t needed = needed_.isolated ? 2 : 1;
    AtLeast("cpus", needed, limits_.allowed_cpus, Check::Result::kRefuse,
            "set \"placement\": \"shared\" in the experiment");
  }

  void OpenFiles() {
    const int64_t needed = needed_.open_files;
    const auto at_least = [&](const std::optional<int64_t>& limit) {
      return !limit || *limit >= needed;
    };
    Check::Result result = Check::Result::kRefuse;
    if (at_least(limits_.open_files_soft)) {
      result = Check::Result::kOk;
    } else if (at_least(limits_.open_files_hard) ||
               (limits_.may_raise_hard_limits && at_least(limits_.open_files_ceiling))) {
      result = Check::Result::kRaised;
    }
    const auto text = [](const std::optional<int64_t>& limit) {
      return limit ? IntegerText(*limit) : std::string("unlimited");
    };
    std::string fix;
    if (result == Check::Result::kRefuse) {
      const std::string number = std::to_string(needed);
      if (!at_least(limits_.open_files_ceiling)) fix = Sysctl("fs.nr_open", number) + " && ";
      fix += "sudo prlimit --pid $$ --nofile=" + number + ":" + number;
    } else {
      fix = "raised for this run only";
    }
    Add("open files", IntegerText(needed),
        text(limits_.open_files_soft) + " (hard " + text(limits_.open_files_hard) + ")", result,
        fix);
  }

  void SystemFiles() {
    const int64_t needed = 2 * needed_.open_files + limits_.system_files_used.value_or(0);
    AtLeast("fs.file-max", needed, limits_.system_files_max, Check::Result::kRefuse,
            Sysctl("fs.file-max", std::to_string(needed)));
  }

  void Threads() {
    const int64_t more = needed_.server_threads + needed_.client_threads + kThreadsExtra;
    const int64_t all = more + limits_.threads_used.value_or(0);
    AtLeast("kernel.pid_max", all, limits_.pid_max, Check::Result::kRefuse,
            Sysctl("kernel.pid_max", std::to_string(std::max<int64_t>(2 * all, 65'536))));
    AtLeast("kernel.threads-max", all, limits_.threads_max, Check::Result::kRefuse,
            Sysctl("kernel.threads-max", std::to_string(2 * all)));
    if (limits_.user_processes_max) {
      AtLeast("user processes", more, limits_.user_processes_max, Check::Result::kRefuse,
              "sudo prlimit --pid $$ --nproc=" + std::to_string(2 * more));
    }
    if (!limits_.cgroup_pids_file.empty()) {
      const int64_t here = more + limits_.cgroup_pids_used.value_or(0);
      AtLeast("cgroup pids.max", here, limits_.cgroup_pids_max, Check::Result::kRefuse,
              "echo " + std::to_string(2 * here) + " | sudo tee " + limits_.cgroup_pids_file);
    }
  }

  void Maps() {
    AtLeast(
        "vm.max_map_count", needed_.maps, limits_.map_count_max, Check::Result::kRefuse,
        Sysctl("vm.max_map_count", std::to_string(std::max<int64_t>(2 * needed_.maps, 262'144))));
  }

  // The load generator spreads many connections over the addresses of the loopback, and each
  // trial's server has a port of its own, so that ports in TIME_WAIT after earlier trials are no
  // hindrance. Those of the same trial are: connections that are made anew come from more addresses
  // for that reason.
  void Ports() {
    if (!limits_.port_first || !limits_.port_last) return;
    const int64_t found = *limits_.port_last - *limits_.port_first + 1;
    const std::string fix = Sysctl("net.ipv4.ip_local_port_range", "\"1024 65535\"");
    const auto each_max = static_cast<int64_t>(limits::kConnectionsPerSourceMax);
    AtLeast("ephemeral ports", std::min(needed_.connections, each_max), found,
            Check::Result::kRefuse, fix);
    if (needed_.ports_made_anew == 0) return;
    const auto sources = static_cast<int64_t>(limits::kReconnectSources);
    AtLeast("ports in TIME_WAIT",
            (needed_.connections + needed_.ports_made_anew + sources - 1) / sources, found,
            Check::Result::kWarning, fix + ", or a shorter \"duration\"");
  }

  void Backlog() {
    AtLeast("net.core.somaxconn", needed_.backlog, limits_.somaxconn, Check::Result::kWarning,
            Sysctl("net.core.somaxconn", std::to_string(needed_.backlog)));
  }

  void Memory() {
    if (!limits_.memory_available_bytes) return;
    const auto available = static_cast<double>(*limits_.memory_available_bytes);
    const auto needed = static_cast<double>(needed_.memory_bytes);
    Check::Result result = Check::Result::kOk;
    if (needed > available) {
      result = Check::Result::kRefuse;
    } else if (needed > kMemoryShareMax * available) {
      result = Check::Result::kWarning;
    }
    Add("memory", Megabytes(needed_.memory_bytes) + " (estimate)",
        Megabytes(*limits_.memory_available_bytes) + " available", result,
        "end other programs, or take fewer connections in the experiment");
  }

  void Frequency() {
    const bool slow = limits_.governor && *limits_.governor != "performance";
    Add("cpu governor", "performance", limits_.governor.value_or("not told (virtual machine?)"),
        slow ? Check::Result::kWarning : Check::Result::kOk,
        "sudo cpupower frequency-set -g performance");
    if (!limits_.boost) return;
    Add("cpu boost", "any (recorded)", *limits_.boost ? "on" : "off", Check::Result::kOk, "");
  }

  void FreeCpus() {
    if (!limits_.busy_cpus) return;
    char found[80];
    std::snprintf(found, sizeof found, "%.2f CPUs busy, load average %.2f", *limits_.busy_cpus,
                  limits_.load_average.value_or(0));
    const double busy_max = kBusyShareMax * static_cast<double>(limits_.allowed_cpus);
    Add("free cpus", "all " + std::to_string(limits_.allowed_cpus), found,
        *limits_.busy_cpus > busy_max ? Check::Result::kWarning : Check::Result::kOk,
        "end other programs (top shows them); what they take shows in the results");
  }

  const Requirements& needed_;
  const MachineLimits& limits_;
  std::vector<Check> checks_;
};

const char* Word(Check::Result result) {
  switch (result) {
    case Check::Result::kOk:
      return "ok";
    case Check::Result::kRaised:
      return "raised";
    case Check::Result::kWarning:
      return "warning";
    case Check::Result::kRefuse:
      return "REFUSED";
  }
  return "";
}

// Ports that closed connections keep in TIME_WAIT at the end of the longest trial; an estimate.
int64_t PortsMadeAnew(const Experiment& experiment, int64_t cpus) {
  const bool churns = std::ranges::any_of(experiment.workloads, [](const Workload& workload) {
    return workload.requests_per_connection > 0;
  });
  if (!churns) return 0;
  const int64_t lasts_ns =
      std::min(experiment.load.warmup_ns + experiment.load.duration_ns, kTimeWaitNs);
  return cpus * kChurnPerSecond * (lasts_ns / kNsPerMs) / 1000;
}

}  // namespace

Requirements RequirementsOf(const Experiment& experiment, int64_t allowed_cpus) {
  Requirements needed;
  needed.connections = experiment.connections.back();
  const ArchitectureLevel* largest = nullptr;
  for (const ArchitectureLevel& architecture : experiment.architectures) {
    const int64_t threads = ServerThreads(architecture, needed.connections, allowed_cpus);
    if (threads > needed.server_threads) {
      needed.server_threads = threads;
      largest = &architecture;
    }
    const bool processes = ServesInProcesses(architecture.name);
    const int64_t bytes = threads * (processes ? kProcessBytes : kThreadBytes);
    needed.memory_bytes = std::max(needed.memory_bytes, bytes);
  }
  needed.trial = (largest == nullptr ? "" : largest->label + ", ") +
                 IntegerText(needed.connections) + " connections";
  needed.client_threads = std::max(experiment.load.threads, allowed_cpus) + 2;
  needed.ports_made_anew = PortsMadeAnew(experiment, allowed_cpus);
  needed.open_files = needed.connections + needed.client_threads + kOpenFilesExtra;
  needed.maps = 2 * needed.server_threads + kMapsExtra;
  needed.memory_bytes += kBaseBytes + needed.connections * kConnectionBytes;
  needed.backlog = std::min(needed.connections, static_cast<int64_t>(limits::kConnectsInFlightMax));
  needed.isolated = experiment.placement.mode == Placement::Mode::kIsolated;
  return needed;
}

Requirements RequirementsOfBoth(const Experiment& experiment, int64_t allowed_cpus) {
  Experiment alone = experiment;
  alone.architectures.resize(1);
  Requirements both = RequirementsOf(alone, allowed_cpus);
  alone.architectures = {experiment.architectures.back()};
  const Requirements other = RequirementsOf(alone, allowed_cpus);
  both.server_threads += other.server_threads;
  both.client_threads += other.client_threads;
  both.memory_bytes += other.memory_bytes - kBaseBytes;
  both.maps = std::max(both.maps, other.maps);
  return both;
}

std::vector<Check> JudgeMachine(const Requirements& requirements, const MachineLimits& limits) {
  return MachineJudge(requirements, limits).All();
}

bool Refused(const std::vector<Check>& checks) {
  return std::ranges::any_of(
      checks, [](const Check& check) { return check.result == Check::Result::kRefuse; });
}

void RaiseProcessLimits(const Requirements& requirements) {
  const auto files = static_cast<uint64_t>(requirements.open_files);
  if (RaiseOpenFilesLimit(files).soft < files) {
    throw UsageError("the limit on open files could not be raised to " +
                     IntegerText(requirements.open_files) +
                     "; try: sudo prlimit --pid $$ --nofile=" + std::to_string(files) + ":" +
                     std::to_string(files));
  }
  rlimit processes{};
  if (::getrlimit(RLIMIT_NPROC, &processes) == 0) {
    processes.rlim_cur = processes.rlim_max;
    ::setrlimit(RLIMIT_NPROC, &processes);
  }
}

std::string RenderChecks(const Requirements& requirements, const std::vector<Check>& checks) {
  size_t name = 0;
  size_t needed = 6;
  size_t found = 5;
  for (const Check& check : checks) {
    name = std::max(name, check.name.size());
    needed = std::max(needed, check.needed.size());
    found = std::max(found, check.found.size());
  }
  const auto pad = [](std::string text, size_t width) {
    text.resize(std::max(width, text.size()), ' ');
    return text + "  ";
  };
  std::string table = "For the largest trial: " + requirements.trial + "\n\n";
  table += pad("", name) + pad("needed", needed) + pad("found", found) + "\n";
  std::string remedies;
  for (const Check& check : checks) {
    table += pad(check.name, name) + pad(check.needed, needed) + pad(check.found, found) +
             Word(check.result) + "\n";
    if (!check.how_to_fix.empty()) remedies += "  " + check.name + ": " + check.how_to_fix + "\n";
  }
  if (!remedies.empty()) table += "\nWhat to do:\n" + remedies;
  return table;
}

std::string DescribeRefusals(const std::vector<Check>& checks) {
  std::string text;
  for (const Check& check : checks) {
    if (check.result != Check::Result::kRefuse) continue;
    if (!text.empty()) text += "; ";
    text += check.name + ": needed " + check.needed + ", found " + check.found +
            ", fix: " + check.how_to_fix;
  }
  return text;
}

}  // namespace crossover
