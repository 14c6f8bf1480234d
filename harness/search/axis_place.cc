#include "harness/search/axis_place.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "base/error.h"
#include "base/limits.h"

namespace crossover {
namespace {

constexpr std::array<AxisKind, 6> kKinds = {{
    {"connections", "connections", 1, 16'000, limits::kConnectionsMax},
    {"rate", "requests/s", 1'000, 50'000, 10'000'000},
    {"wait", "us of waiting in the handler", 10, 10'000, limits::kHandlerMicrosecondsMax},
    {"cpu", "us of CPU time in the handler", 1, 1'000, limits::kHandlerMicrosecondsMax},
    {"active", "% of the connections active", 1, 100, 100},
    {"requests", "requests per connection", 1, 1'000, 1'000'000},
}};

}  // namespace

std::span<const AxisKind> AxisKinds() { return kKinds; }

const AxisKind& FindAxis(std::string_view name) {
  const auto* const kind = std::ranges::find(kKinds, name, &AxisKind::name);
  if (kind != kKinds.end()) return *kind;
  std::string names;
  for (const AxisKind& each : kKinds) {
    names += (names.empty() ? "" : ", ") + std::string(each.name);
  }
  throw UsageError("--axis: there is no axis '" + std::string(name) + "'; there are " + names);
}

void PlaceOnAxis(const AxisKind& axis, int64_t place, Experiment& experiment) {
  Workload& workload = experiment.workloads.front();
  if (axis.name == "connections") experiment.connections = {place};
  if (axis.name == "rate") workload.rate_rps = static_cast<double>(place);
  if (axis.name == "wait") workload.path = "/wait/" + std::to_string(place);
  if (axis.name == "cpu") workload.path = "/cpu/" + std::to_string(place);
  if (axis.name == "active") workload.active_percent = static_cast<double>(place);
  if (axis.name == "requests") workload.requests_per_connection = place;
}

AxisRange ParseAxisRange(std::string_view text, const AxisKind& axis) {
  const size_t colon = text.find(':');
  const auto number = [&](std::string_view part) {
    int64_t value = 0;
    const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), value);
    if (error != std::errc{} || end != part.data() + part.size() || value < 1 || value > axis.max) {
      throw UsageError("--range: '" + std::string(part) + "' is not a whole number from 1 to " +
                       std::to_string(axis.max) + "; write LOW:HIGH, such as 1:16000");
    }
    return value;
  };
  if (colon == std::string_view::npos) {
    throw UsageError("--range: '" + std::string(text) + "' is not LOW:HIGH, such as 1:16000");
  }
  const AxisRange range{.low = number(text.substr(0, colon)),
                        .high = number(text.substr(colon + 1))};
  if (range.low < range.high) return range;
  throw UsageError("--range: " + std::string(text) + " ends before it begins; write LOW:HIGH");
}

}  // namespace crossover
