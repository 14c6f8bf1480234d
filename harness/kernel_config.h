// KernelConfig: what the kernel was built and started with, as far as it bears on a server's speed.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace crossover {

// The text of the running kernel's configuration, of /proc/config.gz or /boot/config-`release`;
// nullopt, and `why`, if there is neither. Any thread.
std::optional<std::string> ReadKernelConfig(const std::string& release, std::string& why);

// {"HZ": "250", "PREEMPT_DYNAMIC": "y", ...}: the options of `config` that bear on scheduling,
// accounting and checks of the kernel's own; "n" if one is not set.
nlohmann::json SpeedOptions(std::string_view config);

// The words of the kernel's command line that do, with a space between; "" if none. The others are
// left out, since some name the machine.
std::string SpeedWords(std::string_view command_line);

}  // namespace crossover
