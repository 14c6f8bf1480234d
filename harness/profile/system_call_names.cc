#include "harness/profile/system_call_names.h"

#include <algorithm>
#include <iterator>

namespace crossover {
namespace {

struct SystemCall {
  int64_t number;
  const char* name;
};

// Made when the build is configured, from the system's headers.
constexpr SystemCall kSystemCalls[] = {
#include "harness/profile/system_call_list.inc"
};

}  // namespace

std::string SystemCallName(int64_t number) {
  const auto* const found = std::ranges::find(kSystemCalls, number, &SystemCall::number);
  if (found != std::end(kSystemCalls)) return found->name;
  return "system_call_" + std::to_string(number);
}

}  // namespace crossover
