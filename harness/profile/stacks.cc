#include "harness/profile/stacks.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/error.h"
#include "harness/profile/text_parts.h"

namespace crossover {
namespace {

constexpr std::string_view kKernelMark = "_[k]";

Frame ParseFrame(std::string_view text) {
  const bool kernel = text.ends_with(kKernelMark);
  if (kernel) text.remove_suffix(kKernelMark.size());
  return {.name = std::string(text), .kernel = kernel};
}

}  // namespace

// All addresses but the leaf's are those that calls return to, which may belong to the function
// after the one that called: the call itself is what counts.
Stacks NameStacks(const StackSamples& samples, Symbols& symbols) {
  Stacks named;
  for (const auto& [addresses, count] : samples.stacks) {
    Stack stack;
    bool leaf = true;
    for (const uint64_t address : addresses.kernel) {
      stack.push_back({symbols.KernelName(address - (leaf ? 0 : 1)), true});
      leaf = false;
    }
    // The innermost user frame under a system call is exact as well: where it was entered.
    leaf = true;
    for (const uint64_t address : addresses.user) {
      stack.push_back({symbols.UserName(address - (leaf ? 0 : 1)), false});
      leaf = false;
    }
    std::ranges::reverse(stack);
    if (stack.empty()) stack.push_back({"[unknown]", false});
    named[std::move(stack)] += count;
  }
  return named;
}

uint64_t TotalSamples(const Stacks& stacks) {
  uint64_t total = 0;
  for (const auto& [stack, count] : stacks) total += count;
  return total;
}

std::string ToFolded(const Stacks& stacks) {
  std::string text;
  for (const auto& [stack, count] : stacks) {
    for (const Frame& frame : stack) {
      if (&frame != &stack.front()) text += ';';
      text += frame.name;
      if (frame.kernel) text += kKernelMark;
    }
    text += ' ' + std::to_string(count) + '\n';
  }
  return text;
}

Stacks ParseFolded(std::string_view text, std::string_view source) {
  Stacks stacks;
  size_t line_number = 0;
  for (const std::string_view line : PartsOf(text, '\n')) {
    ++line_number;
    if (line.empty()) continue;
    const size_t space = line.rfind(' ');
    uint64_t count = 0;
    const auto digits = line.substr(std::min(space, line.size()));
    const auto parsed = std::from_chars(digits.data() + std::min<size_t>(1, digits.size()),
                                        digits.data() + digits.size(), count);
    if (space == std::string_view::npos || space == 0 || parsed.ec != std::errc() ||
        parsed.ptr != digits.data() + digits.size()) {
      throw UsageError(std::string(source) + ":" + std::to_string(line_number) +
                       ": is no line of folded stacks, as in \"main;Serve 17\"");
    }
    Stack stack;
    for (const std::string_view frame : PartsOf(line.substr(0, space), ';')) {
      stack.push_back(ParseFrame(frame));
    }
    stacks[std::move(stack)] += count;
  }
  return stacks;
}

}  // namespace crossover
