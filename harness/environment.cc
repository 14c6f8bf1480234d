#include "harness/environment.h"

#include <gnu/libc-version.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <optional>
#include <system_error>
#include <utility>

#include "base/clock.h"
#include "base/cpu_list.h"
#include "harness/build_info.h"
#include "harness/child_process.h"
#include "harness/fingerprint.h"
#include "harness/kernel_config.h"
#include "harness/placement.h"
#include "harness/probe.h"
#include "harness/probes/taskstats_client.h"

namespace crossover {
namespace {

using nlohmann::json;

constexpr int64_t kGitSeconds = 10;

// The value in `text` of "key<separator>value", without quotes and spaces around it.
std::optional<std::string> Field(const std::string& text, const std::string& key, char separator) {
  for (size_t line = 0; line < text.size();) {
    const size_t end = std::min(text.find('\n', line), text.size());
    const std::string one = text.substr(line, end - line);
    line = end + 1;
    const size_t at = one.find(separator);
    if (at == std::string::npos || !one.starts_with(key)) continue;
    if (one.find_first_not_of(" \t", key.size()) != at) continue;
    const size_t first = one.find_first_not_of(" \t\"", at + 1);
    const size_t last = one.find_last_not_of(" \t\"");
    return first == std::string::npos ? "" : one.substr(first, last - first + 1);
  }
  return std::nullopt;
}

// What "(parentheses)" mark as chosen in "none (voluntary) full", or all of it.
std::string Chosen(const std::string& text) {
  const size_t open = text.find('(');
  const size_t close = text.find(')');
  return open < close && close != std::string::npos ? text.substr(open + 1, close - open - 1)
                                                    : text;
}

class Capture {
 public:
  explicit Capture(const MachineLimits& limits) : limits_(limits) {}

  json All(const std::vector<std::filesystem::path>& programs) {
    Machine();
    Kernel();
    Cpus();
    System();
    Sysctls();
    Limits();
    Build();
    Git();
    Programs(programs);
    environment_["fingerprint"] = EnvironmentFingerprint(environment_);
    environment_["unavailable"] = unavailable_;
    return std::move(environment_);
  }

 private:
  void SetNull(const std::string& key, const std::string& why) {
    environment_[key] = nullptr;
    unavailable_[key] = why;
  }

  std::optional<std::string> Line(const std::string& path, std::string& why) {
    auto text = ReadSmallFile(path, why);
    if (!text) return std::nullopt;
    while (!text->empty() && text->back() == '\n') text->pop_back();
    return text;
  }

  void SetFromFile(const std::string& key, const std::string& path) {
    std::string why;
    if (const auto text = Line(path, why)) {
      environment_[key] = *text;
    } else {
      SetNull(key, why);
    }
  }

  void Machine() {
    utsname names{};
    ::uname(&names);
    environment_["kernel"] = names.release;
    environment_["kernel_build"] = names.version;
    environment_["machine"] = names.machine;
    environment_["hostname_fnv1a64"] = Fnv1a64Hex(names.nodename);
    std::string why;
    const std::string release = ReadSmallFile("/etc/os-release", why).value_or("");
    if (const auto name = Field(release, "PRETTY_NAME", '=')) {
      environment_["distribution"] = *name;
    } else {
      SetNull("distribution", why.empty() ? "/etc/os-release has no PRETTY_NAME" : why);
    }
    environment_["memory_bytes"] = static_cast<int64_t>(::sysconf(_SC_PHYS_PAGES)) *
                                   static_cast<int64_t>(::sysconf(_SC_PAGESIZE));
    SetFromFile("system_product", "/sys/class/dmi/id/product_name");
  }

  void Kernel() {
    std::string why;
    if (const auto config = ReadKernelConfig(environment_["kernel"].get<std::string>(), why)) {
      environment_["kernel_config"] = SpeedOptions(*config);
    } else {
      SetNull("kernel_config", why);
    }
    if (const auto words = Line("/proc/cmdline", why)) {
      environment_["kernel_command_line"] = SpeedWords(*words);
    } else {
      SetNull("kernel_command_line", why);
    }
    SetFromFile("scheduler_slice_ns", "/sys/kernel/debug/sched/base_slice_ns");
  }

  void Cpus() {
    std::string why;
    const std::string info = ReadSmallFile("/proc/cpuinfo", why).value_or("");
    environment_["cpu_model"] = Field(info, "model name", ':').value_or("unknown");
    if (const auto microcode = Field(info, "microcode", ':')) {
      environment_["microcode"] = *microcode;
    } else {
      SetNull("microcode", why.empty() ? "/proc/cpuinfo does not say" : why);
    }
    const std::string flags = " " + Field(info, "flags", ':').value_or("") + " ";
    environment_["hypervisor"] = flags.find(" hypervisor ") != std::string::npos;
    const std::vector<CpuCore> cores = ReadAllowedCores();
    std::vector<int> cpus;
    json topology = json::object();
    for (const CpuCore& each : cores) {
      cpus.push_back(each.cpu);
      topology[std::to_string(each.cpu)] = each.core;
    }
    environment_["cpus"] = cores.size();
    environment_["cpus_allowed"] = FormatCpuList(cpus);
    environment_["core_of_cpu"] = topology;
    SetFromFile("cpus_online", "/sys/devices/system/cpu/online");
    SetFromFile("smt", "/sys/devices/system/cpu/smt/control");
    SetFromFile("numa_nodes", "/sys/devices/system/node/online");
    SetFromFile("governor", "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor");
    SetFromFile("cpu_boost", "/sys/devices/system/cpu/cpufreq/boost");
    SetFromFile("clocksource", "/sys/devices/system/clocksource/clocksource0/current_clocksource");
  }

  void System() {
    json mitigations = json::object();
    std::error_code error;
    const std::filesystem::path directory = "/sys/devices/system/cpu/vulnerabilities";
    for (const auto& entry : std::filesystem::directory_iterator(directory, error)) {
      std::string why;
      if (const auto text = Line(entry.path(), why)) mitigations[entry.path().filename()] = *text;
    }
    if (mitigations.empty()) {
      SetNull("mitigations", directory.string() + ": " + (error ? error.message() : "empty"));
    } else {
      environment_["mitigations"] = mitigations;
    }
    std::string why;
    if (const auto text = Line("/sys/kernel/debug/sched/preempt", why)) {
      environment_["preemption"] = Chosen(*text);
    } else {
      SetNull("preemption", why);
    }
    SetFromFile("transparent_hugepages", "/sys/kernel/mm/transparent_hugepage/enabled");
    TaskstatsClient taskstats;
    why = taskstats.Open();
    const bool precise = why.empty() && taskstats.Read(::getpid(), why);
    environment_["server_cpu_time_source"] =
        precise ? "taskstats of the thread group" : "schedstat of its live threads (" + why + ")";
  }

  void Sysctls() {
    static constexpr std::string_view kKeys[] = {"net.core.somaxconn",
                                                 "net.core.netdev_max_backlog",
                                                 "net.core.busy_poll",
                                                 "net.core.busy_read",
                                                 "net.core.default_qdisc",
                                                 "net.ipv4.tcp_max_syn_backlog",
                                                 "net.ipv4.ip_local_port_range",
                                                 "net.ipv4.tcp_rmem",
                                                 "net.ipv4.tcp_wmem",
                                                 "net.ipv4.tcp_tw_reuse",
                                                 "net.ipv4.tcp_congestion_control",
                                                 "net.ipv4.tcp_fin_timeout",
                                                 "net.ipv4.tcp_timestamps",
                                                 "net.ipv4.tcp_sack",
                                                 "net.ipv4.tcp_autocorking",
                                                 "net.ipv4.tcp_slow_start_after_idle",
                                                 "net.ipv4.tcp_notsent_lowat",
                                                 "kernel.sched_autogroup_enabled",
                                                 "kernel.sched_schedstats",
                                                 "kernel.sched_rt_runtime_us",
                                                 "kernel.sched_energy_aware",
                                                 "kernel.sched_min_granularity_ns",
                                                 "kernel.sched_wakeup_granularity_ns",
                                                 "kernel.timer_migration",
                                                 "kernel.nmi_watchdog",
                                                 "kernel.io_uring_disabled",
                                                 "kernel.numa_balancing",
                                                 "vm.max_map_count",
                                                 "kernel.pid_max",
                                                 "kernel.threads-max"};
    json values = json::object();
    for (const std::string_view key : kKeys) {
      std::string path = "/proc/sys/";
      for (const char c : key) path += c == '.' ? '/' : c;
      std::string why;
      const auto text = Line(path, why);
      values[std::string(key)] = text ? json(*text) : json(nullptr);
      if (!text) unavailable_["sysctl." + std::string(key)] = why;
    }
    environment_["sysctl"] = values;
  }

  void Limits() {
    const auto number = [](const auto& value) { return value ? json(*value) : json(nullptr); };
    environment_["limits"] = {{"open_files_soft", number(limits_.open_files_soft)},
                              {"open_files_hard", number(limits_.open_files_hard)},
                              {"pids_cgroup_max", number(limits_.cgroup_pids_max)},
                              {"user_processes_max", number(limits_.user_processes_max)},
                              {"cgroup_cpus_max", number(limits_.cgroup_cpus_max)}};
    environment_["memory_available_bytes"] = number(limits_.memory_available_bytes);
    environment_["busy_cpus_before"] = number(limits_.busy_cpus);
    environment_["load_average_before"] = number(limits_.load_average);
  }

  void Build() {
    const BuildInfo& build = ThisBuild();
    environment_["crossover_version"] = build.version;
    environment_["compiler"] = build.compiler;
    environment_["compiler_flags"] = build.flags;
    environment_["build_type"] = build.build_type;
    environment_["sanitizers"] = build.sanitizers;
    environment_["boost_version"] = build.boost;
    environment_["liburing_version"] = build.liburing;
    environment_["glibc_version"] = ::gnu_get_libc_version();
  }

  // The first line that git prints, or nullopt.
  std::optional<std::string> AskGit(const std::vector<std::string>& words, std::string& why) {
    std::error_code error;
    const auto directory = std::filesystem::read_symlink("/proc/self/exe", error).parent_path();
    std::vector<std::string> argv = {"git", "-C", directory.string()};
    argv.insert(argv.end(), words.begin(), words.end());
    try {
      ChildProcess git = ChildProcess::Start({.name = "git", .argv = argv, .cpus = {}});
      git.CloseInput();
      const int64_t deadline_ns = MonotonicNs() + kGitSeconds * kNsPerSecond;
      std::string line;
      const bool any = git.lines().Next(line, deadline_ns) == LineReader::Status::kLine;
      // More output than a pipe holds would keep it waiting for a reader: its status is not needed.
      const auto status = any ? std::nullopt : git.Wait(deadline_ns);
      if (any) return line;
      if (status && status->Success()) return "";
      why = "git: " + (status ? git.LastStderrLine() : std::string("no answer"));
    } catch (const std::system_error& failed) {
      why = failed.what();
    }
    return std::nullopt;
  }

  void Git() {
    std::string why;
    const auto revision = AskGit({"rev-parse", "HEAD"}, why);
    if (!revision || revision->empty()) {
      SetNull("git_revision", why);
      SetNull("git_dirty", why);
      return;
    }
    environment_["git_revision"] = *revision;
    if (const auto change = AskGit({"status", "--porcelain"}, why)) {
      environment_["git_dirty"] = !change->empty();
    } else {
      SetNull("git_dirty", why);
    }
  }

  void Programs(const std::vector<std::filesystem::path>& programs) {
    json files = json::object();
    for (const std::filesystem::path& program : programs) {
      std::string why;
      const auto bytes = ReadSmallFile(program, why);
      const std::string name = program.filename();
      files[name] =
          bytes ? json{{"bytes", bytes->size()}, {"fnv1a64", Fnv1a64Hex(*bytes)}} : json(nullptr);
      if (!bytes) unavailable_["programs." + name] = why;
    }
    environment_["programs"] = files;
  }

  const MachineLimits& limits_;
  json environment_ = json::object();
  json unavailable_ = json::object();
};

}  // namespace

json CaptureEnvironment(const MachineLimits& limits,
                        const std::vector<std::filesystem::path>& programs) {
  return Capture(limits).All(programs);
}

std::string Fnv1a64Hex(std::string_view bytes) {
  uint64_t hash = 14'695'981'039'346'656'037ULL;
  for (const char byte : bytes) {
    hash ^= static_cast<unsigned char>(byte);
    hash *= 1'099'511'628'211ULL;
  }
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(hash));
  return text;
}

}  // namespace crossover
