// Environment: the machine and the build, for the record of a run.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "harness/machine_limits.h"

namespace crossover {

// Everything that helps to explain a result. What cannot be read is null, and
// environment["unavailable"][key] says why; the few keys that the report requires are never null.
// The machine's name is recorded as a hash only. `programs`: the files whose size and hash are
// recorded; environment["fingerprint"] is of what fingerprint.h says. Starts git (main thread only,
// see ChildProcess); never throws for what the machine lacks.
nlohmann::json CaptureEnvironment(const MachineLimits& limits,
                                  const std::vector<std::filesystem::path>& programs);

// FNV-1a, 64 bits, as 16 hex digits.
std::string Fnv1a64Hex(std::string_view bytes);

}  // namespace crossover
