// MachineLimits: what the machine and this process have to offer, as read at one moment.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace crossover {

// nullopt: not readable here, or no limit.
struct MachineLimits {
  std::optional<int64_t> open_files_soft;  // RLIMIT_NOFILE
  std::optional<int64_t> open_files_hard;
  std::optional<int64_t> open_files_ceiling;  // fs.nr_open: what root may raise the hard limit to
  std::optional<int64_t> system_files_max;    // fs.file-max
  std::optional<int64_t> system_files_used;
  bool may_raise_hard_limits = false;         // CAP_SYS_RESOURCE
  std::optional<int64_t> user_processes_max;  // RLIMIT_NPROC, where it binds
  std::optional<int64_t> pid_max;             // kernel.pid_max
  std::optional<int64_t> threads_max;         // kernel.threads-max
  std::optional<int64_t> threads_used;        // on the whole machine
  std::optional<int64_t> cgroup_pids_max;
  std::optional<int64_t> cgroup_pids_used;
  std::string cgroup_pids_file;           // that holds the limit
  std::optional<double> cgroup_cpus_max;  // the tightest quota, in CPUs
  std::optional<int64_t> map_count_max;   // vm.max_map_count, for each process
  std::optional<int64_t> port_first;      // net.ipv4.ip_local_port_range
  std::optional<int64_t> port_last;
  std::optional<int64_t> somaxconn;
  std::optional<int64_t> memory_available_bytes;
  std::optional<std::string> governor;  // of the first CPU
  std::optional<bool> boost;            // CPU frequency boost
  int64_t allowed_cpus = 0;
  std::optional<double> busy_cpus;  // CPUs' worth of work by others, right now
  std::optional<double> load_average;
};

// Reads all of it. Takes a fifth of a second, in which it watches how busy the CPUs are.
MachineLimits ReadMachineLimits();

}  // namespace crossover
