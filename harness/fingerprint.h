// Fingerprint: whether two runs were made in the same environment.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace crossover {

// 16 hexadecimal digits over the parts of an environment that bear on speed: CPU, kernel and its
// settings, limits, compiler, flags, libraries. Not over what says when it was or how busy the
// machine, and not over the programs themselves, their version or revision: two builds of the same
// flags have the same one, and so have two machines alike. What can't be read (null) differs from
// what can: a run as root has another one where more can be read. Any thread.
std::string EnvironmentFingerprint(const nlohmann::json& environment);

struct Difference {
  std::string key;    // "kernel", "sysctl.net.core.somaxconn"
  std::string first;  // as JSON, but a string without its quotes
  std::string second;
};

// The parts of the fingerprint that both environments have a key for, and that differ.
std::vector<Difference> EnvironmentDifferences(const nlohmann::json& first,
                                               const nlohmann::json& second);

// Appends what differs between two values called `key`; of two objects, between the members that
// both have.
void AppendDifferences(const std::string& key, const nlohmann::json& first,
                       const nlohmann::json& second, std::vector<Difference>& differences);

}  // namespace crossover
