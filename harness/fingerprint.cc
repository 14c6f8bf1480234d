#include "harness/fingerprint.h"

#include <string_view>

#include "harness/environment.h"

namespace crossover {
namespace {

using nlohmann::json;

// A key more or less, here or in one of the objects, gives every machine a new fingerprint.
constexpr std::string_view kFingerprintKeys[] = {"machine",
                                                 "cpu_model",
                                                 "microcode",
                                                 "cpus",
                                                 "cpus_allowed",
                                                 "cpus_online",
                                                 "core_of_cpu",
                                                 "smt",
                                                 "numa_nodes",
                                                 "governor",
                                                 "cpu_boost",
                                                 "hypervisor",
                                                 "system_product",
                                                 "kernel",
                                                 "kernel_build",
                                                 "kernel_config",
                                                 "kernel_command_line",
                                                 "preemption",
                                                 "scheduler_slice_ns",
                                                 "clocksource",
                                                 "mitigations",
                                                 "transparent_hugepages",
                                                 "sysctl",
                                                 "limits",
                                                 "compiler",
                                                 "compiler_flags",
                                                 "build_type",
                                                 "sanitizers",
                                                 "boost_version",
                                                 "liburing_version",
                                                 "glibc_version",
                                                 "server_cpu_time_source"};

std::string ValueText(const json& value) {
  if (value.is_string()) return value.get<std::string>();
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace

std::string EnvironmentFingerprint(const json& environment) {
  json parts = json::object();  // keys in their order, so that the text is always the same
  for (const std::string_view name : kFingerprintKeys) {
    const std::string key(name);
    parts[key] = environment.value(key, json());
  }
  return Fnv1a64Hex(parts.dump(-1, ' ', false, json::error_handler_t::replace));
}

std::vector<Difference> EnvironmentDifferences(const json& first, const json& second) {
  std::vector<Difference> differences;
  for (const std::string_view name : kFingerprintKeys) {
    const std::string key(name);
    if (!first.contains(key) || !second.contains(key)) continue;
    AppendDifferences(key, first[key], second[key], differences);
  }
  return differences;
}

void AppendDifferences(const std::string& key, const json& first, const json& second,
                       std::vector<Difference>& differences) {
  if (first == second) return;
  if (!first.is_object() || !second.is_object()) {
    differences.push_back({.key = key, .first = ValueText(first), .second = ValueText(second)});
    return;
  }
  for (const auto& [name, value] : first.items()) {
    const auto other = second.find(name);
    if (other != second.end()) AppendDifferences(key + "." + name, value, *other, differences);
  }
}

}  // namespace crossover
