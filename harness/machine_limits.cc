#include "harness/machine_limits.h"

#include <linux/capability.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <thread>
#include <vector>

#include "base/cpu_list.h"
#include "base/open_files.h"
#include "harness/probe.h"

namespace crossover {
namespace {

// All whole numbers of the file, in order; a word that is none ends the list ("max").
std::vector<int64_t> Numbers(const std::string& path) {
  std::string why;
  const std::string text = ReadSmallFile(path, why).value_or("");
  std::vector<int64_t> numbers;
  const char* at = text.data();
  const char* const end = text.data() + text.size();
  while (at != end) {
    int64_t number = 0;
    const auto result = std::from_chars(at, end, number);
    if (result.ec != std::errc{}) break;
    numbers.push_back(number);
    at = result.ptr;
    while (at != end && (*at == ' ' || *at == '\t' || *at == '\n')) ++at;
  }
  return numbers;
}

std::optional<int64_t> NumberIn(const std::string& path, size_t index = 0) {
  const std::vector<int64_t> numbers = Numbers(path);
  return index < numbers.size() ? std::optional<int64_t>(numbers[index]) : std::nullopt;
}

std::optional<int64_t> Limit(rlim_t limit) {
  if (limit == RLIM_INFINITY) return std::nullopt;
  return static_cast<int64_t>(limit);
}

bool HasCapability(unsigned capability) {
  std::string why;
  const auto status = ReadSmallFile("/proc/self/status", why);
  const size_t line = status ? status->find("\nCapEff:\t") : std::string::npos;
  if (line == std::string::npos) return false;
  uint64_t effective = 0;
  std::from_chars(status->data() + line + 9, status->data() + status->size(), effective, 16);
  return (effective >> capability & 1) != 0;
}

// The directories of this process's cgroup and of those above it: of `controller`'s own hierarchy
// if it has one, or of the unified one.
std::vector<std::string> CgroupDirectories(const std::string& controller) {
  std::string why;
  const std::string text = "\n" + ReadSmallFile("/proc/self/cgroup", why).value_or("");
  std::vector<std::string> directories;
  for (const auto& [key, root] :
       {std::pair<std::string, std::string>{":" + controller + ":", "/sys/fs/cgroup/" + controller},
        {"\n0::", "/sys/fs/cgroup"}}) {
    const size_t at = text.find(key);
    if (at == std::string::npos) continue;
    const size_t path = at + key.size();
    std::string below = text.substr(path, text.find('\n', path) - path);
    while (true) {
      directories.push_back(root + below);
      if (below.empty()) break;
      below.resize(below.rfind('/'));
    }
  }
  return directories;
}

// The one that leaves its tasks the least room.
std::string PidsDirectory() {
  std::string tightest;
  int64_t room = std::numeric_limits<int64_t>::max();
  for (const std::string& directory : CgroupDirectories("pids")) {
    const auto max = NumberIn(directory + "/pids.max");
    const int64_t left = max ? *max - NumberIn(directory + "/pids.current").value_or(0) : room;
    if (left < room) {
      room = left;
      tightest = directory;
    }
  }
  return tightest;
}

// The least quota of them, in CPUs.
std::optional<double> CpusMax() {
  std::optional<double> least;
  for (const std::string& directory : CgroupDirectories("cpu")) {
    auto quota = NumberIn(directory + "/cpu.max");  // "max 100000": no number
    auto period = NumberIn(directory + "/cpu.max", 1);
    if (!quota) {
      quota = NumberIn(directory + "/cpu.cfs_quota_us");  // -1: none
      period = NumberIn(directory + "/cpu.cfs_period_us");
    }
    if (!quota || !period || *quota <= 0 || *period <= 0) continue;
    const double cpus = static_cast<double>(*quota) / static_cast<double>(*period);
    least = std::min(least.value_or(cpus), cpus);
  }
  return least;
}

// Ticks of all CPUs, and those in which they idled.
struct Ticks {
  double total = 0;
  double idle = 0;
};

Ticks ReadTicks() {
  std::string why;
  const std::string text = ReadSmallFile("/proc/stat", why).value_or("");
  Ticks ticks;
  size_t at = text.find(' ');
  for (int column = 0; column < 8 && at != std::string::npos; ++column) {
    at = text.find_first_not_of(' ', at);
    double number = 0;
    const auto result = std::from_chars(text.data() + at, text.data() + text.size(), number);
    if (result.ec != std::errc{}) break;
    ticks.total += number;
    if (column == 3 || column == 4) ticks.idle += number;
    at = static_cast<size_t>(result.ptr - text.data());
  }
  return ticks;
}

std::optional<double> WatchBusyCpus() {
  const Ticks before = ReadTicks();
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  const Ticks after = ReadTicks();
  const double total = after.total - before.total;
  if (total <= 0) return std::nullopt;
  const double busy = 1 - (after.idle - before.idle) / total;
  return busy * static_cast<double>(::sysconf(_SC_NPROCESSORS_ONLN));
}

void ReadProcessLimits(MachineLimits& limits) {
  const OpenFilesLimit files = GetOpenFilesLimit();
  limits.open_files_soft = static_cast<int64_t>(files.soft);
  limits.open_files_hard = static_cast<int64_t>(files.hard);
  limits.may_raise_hard_limits = HasCapability(CAP_SYS_RESOURCE);
  rlimit processes{};
  // The kernel does not hold this limit against root.
  if (::geteuid() != 0 && ::getrlimit(RLIMIT_NPROC, &processes) == 0) {
    limits.user_processes_max = Limit(processes.rlim_max);  // the soft one is raised
  }
  limits.cgroup_cpus_max = CpusMax();
  const std::string pids = PidsDirectory();
  if (!pids.empty()) {
    limits.cgroup_pids_file = pids + "/pids.max";
    limits.cgroup_pids_max = NumberIn(pids + "/pids.max");
    limits.cgroup_pids_used = NumberIn(pids + "/pids.current");
  }
}

}  // namespace

MachineLimits ReadMachineLimits() {
  MachineLimits limits;
  ReadProcessLimits(limits);
  limits.open_files_ceiling = NumberIn("/proc/sys/fs/nr_open");
  limits.system_files_max = NumberIn("/proc/sys/fs/file-max");
  limits.system_files_used = NumberIn("/proc/sys/fs/file-nr");
  limits.pid_max = NumberIn("/proc/sys/kernel/pid_max");
  limits.threads_max = NumberIn("/proc/sys/kernel/threads-max");
  limits.map_count_max = NumberIn("/proc/sys/vm/max_map_count");
  limits.port_first = NumberIn("/proc/sys/net/ipv4/ip_local_port_range", 0);
  limits.port_last = NumberIn("/proc/sys/net/ipv4/ip_local_port_range", 1);
  limits.somaxconn = NumberIn("/proc/sys/net/core/somaxconn");
  std::string why;
  if (const auto memory = ReadSmallFile("/proc/meminfo", why)) {
    if (const auto kilobytes = NumberAfter(*memory, "MemAvailable:")) {
      limits.memory_available_bytes = static_cast<int64_t>(*kilobytes) * 1024;
    }
  }
  // "0.22 0.31 0.30 2/115 4711": running and existing threads in the fourth word.
  if (const auto load = ReadSmallFile("/proc/loadavg", why)) {
    limits.load_average = NumberAfter(*load, "");
    if (const size_t slash = load->find('/'); slash != std::string::npos) {
      limits.threads_used =
          static_cast<int64_t>(NumberAfter(std::string_view(*load).substr(slash), "/").value_or(0));
    }
  }
  const std::string cpu = "/sys/devices/system/cpu/";
  if (auto governor = ReadSmallFile(cpu + "cpu0/cpufreq/scaling_governor", why)) {
    limits.governor = governor->substr(0, governor->find('\n'));
  }
  if (const auto boost = NumberIn(cpu + "cpufreq/boost")) limits.boost = *boost != 0;
  limits.allowed_cpus = static_cast<int64_t>(AllowedCpus().size());
  limits.busy_cpus = WatchBusyCpus();
  return limits;
}

}  // namespace crossover
