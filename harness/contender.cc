#include "harness/contender.h"

#include <algorithm>
#include <charconv>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace crossover {

using nlohmann::json;

json ParseContender(const std::string& text, const std::string& label) {
  const size_t colon = text.find(':');
  json options = json::object();
  std::string_view rest;
  if (colon != std::string::npos) rest = std::string_view(text).substr(colon + 1);
  while (!rest.empty()) {
    const std::string_view part = rest.substr(0, rest.find(','));
    rest.remove_prefix(std::min(rest.size(), part.size() + 1));
    const size_t equals = part.find('=');
    if (equals == std::string_view::npos) {
      throw UsageError("'" + text + "': a knob is written as name=value: epoll-pool:workers=4");
    }
    const std::string_view value = part.substr(equals + 1);
    int64_t number = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
    const bool is_number = error == std::errc{} && end == value.data() + value.size();
    options[std::string(part.substr(0, equals))] = is_number ? json(number) : json(value);
  }
  return {{"name", text.substr(0, colon)}, {"label", label}, {"options", options}};
}

void RefuseUnknownArchitectures(const Experiment& experiment, const Programs& programs) {
  const std::vector<std::string> known = KnownArchitectures(programs.server);
  for (const ArchitectureLevel& level : experiment.architectures) {
    if (std::ranges::count(known, level.name) > 0) continue;
    throw UsageError("there is no architecture '" + level.name +
                     "'; crossover-server --list shows the choice");
  }
}

}  // namespace crossover
