#include "harness/search/crossing_text.h"

#include <algorithm>
#include <cmath>

#include "harness/wording.h"

namespace crossover {
namespace {

const std::string& Lower(const AxisReading& reading, const CrossingNames& names) {
  return reading.order() < 0 ? names.first : names.second;
}

std::string NoCrossing(const CrossingSearch& search, const CrossingNames& names) {
  const auto& readings = search.readings();
  const std::string range = "from " + IntegerText(readings.front().at) + " to " +
                            IntegerText(readings.back().at) + " " + names.unit;
  std::string alike;
  const AxisReading* apart = nullptr;
  size_t count = 0;
  for (const AxisReading& each : readings) {
    if (each.order() != 0) {
      apart = &each;
      continue;
    }
    ++count;
    alike += (alike.empty() ? "" : ", ") + IntegerText(each.at);
  }
  if (apart == nullptr) {
    return "No crossing: " + range + ", no detectable difference in " + names.noun + " between " +
           names.first + " and " + names.second + " at any of " +
           CountText(readings.size(), "place") + ".\n";
  }
  std::string text = "No crossing " + range + ": " + Lower(*apart, names) + " has the lower " +
                     names.noun + " at " + (count == 0 ? "each of " : "") +
                     CountText(readings.size() - count, "place");
  if (count > 0) text += ", and at " + alike + " there is no detectable difference";
  return text + ".\n";
}

}  // namespace

std::string RenderCrossings(const CrossingSearch& search, const CrossingNames& names) {
  const auto crossings = search.Crossings();
  if (crossings.empty()) return NoCrossing(search, names);
  std::string text;
  for (const Crossing& crossing : crossings) {
    text += "Crossing near " + IntegerText(std::llround(crossing.estimate)) + " " + names.unit +
            " (" + IntegerText(crossing.below.at) + " to " + IntegerText(crossing.above.at) +
            "): " + Lower(crossing.below, names) + " has the lower " + names.noun + " at " +
            IntegerText(crossing.below.at) + ", " + Lower(crossing.above, names) + " at " +
            IntegerText(crossing.above.at) + ".\n";
  }
  if (search.cut_short()) text += "The range could be narrower: allow more places (--places).\n";
  return text;
}

}  // namespace crossover
