// What two contenders can be compared along, and the experiment at one place of it. Pure.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "harness/experiment.h"

namespace crossover {

struct AxisKind {
  std::string_view name;  // "connections"
  std::string_view unit;  // "connections", "us of CPU time in the handler"
  int64_t low;            // the range that is searched if none is given
  int64_t high;
  int64_t max;  // of places
};

std::span<const AxisKind> AxisKinds();
// Throws UsageError, which names those that there are.
const AxisKind& FindAxis(std::string_view name);

// Sets the place on the experiment, which has one workload and one number of connections.
void PlaceOnAxis(const AxisKind& axis, int64_t place, Experiment& experiment);

struct AxisRange {
  int64_t low = 0;
  int64_t high = 0;
};
// "1:16000". Throws UsageError.
AxisRange ParseAxisRange(std::string_view text, const AxisKind& axis);

}  // namespace crossover
