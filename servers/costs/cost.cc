#include "servers/costs/cost.h"

#include <algorithm>
#include <array>
#include <numeric>

#include "base/cpu_list.h"
#include "base/error.h"

namespace crossover {
namespace {

// Median of what two readings, one right after the other, differ by.
int64_t ReadingNs() {
  std::array<int64_t, 1001> differences{};
  for (int64_t& difference : differences) {
    const int64_t begin_ns = ThreadCpuNs();
    difference = ThreadCpuNs() - begin_ns;
  }
  auto* const middle = differences.begin() + differences.size() / 2;
  std::nth_element(differences.begin(), middle, differences.end());
  return *middle;
}

}  // namespace

void RunOn(int cpu) {
  const int error = SetAffinity(0, {cpu});
  if (error != 0) ThrowErrno("sched_setaffinity to CPU " + std::to_string(cpu), error);
}

std::vector<uint32_t> TurnOrder(size_t n) {
  std::vector<uint32_t> order(n);
  std::iota(order.begin(), order.end(), 0);
  return order;
}

int64_t Stopwatch::ElapsedNs() const {
  const int64_t end_ns = ThreadCpuNs();
  static const int64_t reading_ns = ReadingNs();
  return std::max<int64_t>(0, end_ns - begin_ns_ - reading_ns);
}

}  // namespace crossover
