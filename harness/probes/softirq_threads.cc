#include "harness/probes/softirq_threads.h"

#include <sys/utsname.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <system_error>

#include "harness/kernel_config.h"
#include "harness/probe.h"

namespace crossover {
namespace {

std::optional<pid_t> PidOf(const std::filesystem::path& directory) {
  const std::string name = directory.filename();
  pid_t pid = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), pid);
  if (error != std::errc{} || end != name.data() + name.size()) return std::nullopt;
  return pid;
}

bool InterruptsAreApart() {
  static const bool apart = [] {
    utsname names{};
    ::uname(&names);
    std::string why;
    const auto config = ReadKernelConfig(names.release, why);
    return config && SpeedOptions(*config).value("IRQ_TIME_ACCOUNTING", "n") == "y";
  }();
  return apart;
}

}  // namespace

std::string SoftirqThreads::Open(const std::vector<int>& cpus) {
  pids_.clear();
  if (InterruptsAreApart()) {
    return "CONFIG_IRQ_TIME_ACCOUNTING keeps the other soft interrupts out of the server's time, "
           "too";
  }
  std::vector<std::string> wanted;
  for (const int cpu : cpus) wanted.push_back("ksoftirqd/" + std::to_string(cpu) + "\n");
  std::error_code error;
  for (std::filesystem::directory_iterator process("/proc", error), end; !error && process != end;
       process.increment(error)) {
    const auto pid = PidOf(process->path());
    std::string why;
    const auto name = pid ? ReadSmallFile(process->path() / "comm", why) : std::nullopt;
    if (name && std::ranges::count(wanted, *name) > 0) pids_.push_back(*pid);
    if (pids_.size() == wanted.size()) break;
  }
  if (!wanted.empty() && pids_.size() == wanted.size()) {
    std::string why;
    // They have run since the machine started: 0 means not counted.
    if (CpuNs(why).value_or(0) > 0) return {};
    pids_.clear();
    return why.empty() ? "the kernel counts no CPU time of ksoftirqd" : why;
  }
  pids_.clear();
  return "/proc shows no ksoftirqd of the server's CPUs; in a container run with the host's "
         "process numbers";
}

std::optional<double> SoftirqThreads::CpuNs(std::string& why) const {
  double sum = 0;
  for (const pid_t pid : pids_) {
    const std::string path = "/proc/" + std::to_string(pid) + "/schedstat";
    const auto text = ReadSmallFile(path, why);
    if (!text) return std::nullopt;
    double ns = 0;
    if (std::from_chars(text->data(), text->data() + text->size(), ns).ec != std::errc{}) {
      why = path + " has no number";
      return std::nullopt;
    }
    sum += ns;
  }
  return sum;
}

}  // namespace crossover
