#include "harness/kernel_config.h"

#include <zlib.h>

#include <algorithm>
#include <memory>

namespace crossover {
namespace {

constexpr std::string_view kSpeedOptions[] = {"HZ",
                                              "PREEMPT_NONE",
                                              "PREEMPT_VOLUNTARY",
                                              "PREEMPT",
                                              "PREEMPT_LAZY",
                                              "PREEMPT_RT",
                                              "PREEMPT_DYNAMIC",
                                              "NO_HZ_IDLE",
                                              "NO_HZ_FULL",
                                              "HIGH_RES_TIMERS",
                                              "SCHED_CORE",
                                              "IRQ_TIME_ACCOUNTING",
                                              "VIRT_CPU_ACCOUNTING_GEN",
                                              "PARAVIRT_SPINLOCKS",
                                              "KASAN",
                                              "PROVE_LOCKING",
                                              "DEBUG_PREEMPT",
                                              "DEBUG_PAGEALLOC"};

// Of the command line: a word that is one of these, or goes on with "=" after it.
constexpr std::string_view kSpeedWords[] = {"amd_pstate",
                                            "clocksource",
                                            "cpufreq.default_governor",
                                            "idle",
                                            "intel_idle.max_cstate",
                                            "intel_pstate",
                                            "isolcpus",
                                            "maxcpus",
                                            "mitigations",
                                            "nohz",
                                            "nohz_full",
                                            "nopti",
                                            "nosmt",
                                            "nospectre_v2",
                                            "nr_cpus",
                                            "preempt",
                                            "processor.max_cstate",
                                            "pti",
                                            "rcu_nocbs",
                                            "retbleed",
                                            "skew_tick",
                                            "spec_store_bypass_disable",
                                            "spectre_v2",
                                            "threadirqs",
                                            "transparent_hugepage",
                                            "tsc"};

// zlib reads files that are not compressed as they are.
std::optional<std::string> ReadGzip(const std::string& path) {
  const std::unique_ptr<gzFile_s, int (*)(gzFile)> file(::gzopen(path.c_str(), "rb"), ::gzclose);
  if (!file) return std::nullopt;
  std::string text;
  char chunk[16 * 1024];
  int n = 0;
  while ((n = ::gzread(file.get(), chunk, sizeof chunk)) > 0) {
    text.append(chunk, static_cast<size_t>(n));
  }
  if (n < 0 || text.empty()) return std::nullopt;
  return text;
}

}  // namespace

std::optional<std::string> ReadKernelConfig(const std::string& release, std::string& why) {
  for (const std::string& path : {std::string("/proc/config.gz"), "/boot/config-" + release}) {
    if (auto text = ReadGzip(path)) return text;
    why += (why.empty() ? "" : "; ") + path + ": cannot be read";
  }
  return std::nullopt;
}

nlohmann::json SpeedOptions(std::string_view config) {
  nlohmann::json options = nlohmann::json::object();
  const std::string text = "\n" + std::string(config) + "\n";
  for (const std::string_view option : kSpeedOptions) {
    const std::string start = "\nCONFIG_" + std::string(option) + "=";
    const size_t at = text.find(start);
    options[std::string(option)] = "n";
    if (at == std::string::npos) continue;
    const size_t value = at + start.size();
    options[std::string(option)] = text.substr(value, text.find('\n', value) - value);
  }
  return options;
}

std::string SpeedWords(std::string_view command_line) {
  std::string chosen;
  for (size_t at = 0; at < command_line.size();) {
    const size_t end = std::min(command_line.find_first_of(" \n", at), command_line.size());
    const std::string_view word = command_line.substr(at, end - at);
    at = end + 1;
    if (word == "--") break;  // what follows is for init
    if (std::ranges::find(kSpeedWords, word.substr(0, word.find('='))) == std::end(kSpeedWords))
      continue;
    chosen += (chosen.empty() ? "" : " ") + std::string(word);
  }
  return chosen;
}

}  // namespace crossover
