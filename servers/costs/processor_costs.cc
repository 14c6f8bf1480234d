// Single system calls that need nothing else.
#include <sys/syscall.h>
#include <unistd.h>

#include "servers/costs/cost.h"

namespace crossover {
namespace {

constexpr size_t kCallTimes = 256;

}  // namespace

std::vector<Cost> ProcessorCosts(const Placement& placement) {
  return {{"system_call", "the cheapest real system call, getppid()", 0, 0,
           [=](benchmark::State& state) {
             TimeRepeated(state, placement, kCallTimes,
                          [] { benchmark::DoNotOptimize(syscall(SYS_getppid)); });
           }}};
}

}  // namespace crossover
