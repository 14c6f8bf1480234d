// Stacks: call chains by name, with how many samples each has; and their text, "folded", which
// flame graph tools and speedscope read.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "harness/profile/cpu_sampler.h"
#include "harness/profile/symbols.h"

namespace crossover {

struct Frame {
  std::string name;
  bool kernel = false;
  // NOLINTNEXTLINE(modernize-use-nullptr): clang-tidy 14 sees a pointer in its 0.
  auto operator<=>(const Frame&) const = default;
};

// Root first, leaf last; kernel frames after those of the process.
using Stack = std::vector<Frame>;
using Stacks = std::map<Stack, uint64_t>;  // with their samples

Stacks NameStacks(const StackSamples& samples, Symbols& symbols);

uint64_t TotalSamples(const Stacks& stacks);

// A line for each: "main;Serve;do_syscall_64_[k];tcp_sendmsg_[k] 17".
std::string ToFolded(const Stacks& stacks);

// The inverse. Throws UsageError with `source`:line for what is no such line.
Stacks ParseFolded(std::string_view text, std::string_view source);

}  // namespace crossover
