#include "harness/profile/explanation.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <string>
#include <vector>

#include "harness/wording.h"

namespace crossover {
namespace {

using nlohmann::ordered_json;

constexpr size_t kPartsTold = 5;
constexpr double kErrorsTold = 2;  // standard errors that a part must exceed to be told of

struct Part {
  std::string name;
  std::string label;
  double us = 0;
  double error_us = 0;
};

bool HasProfile(const ordered_json& cell) {
  if (!cell.contains("profile")) return false;
  const ordered_json& profile = cell["profile"];
  return profile.is_object() && profile.contains("classes") &&
         !profile["classes"].front()["cpu_us_per_request"].is_null();
}

const ordered_json* BaselineOf(const ordered_json& cells, const ordered_json& cell,
                               const std::string& baseline) {
  const auto found = std::ranges::find_if(cells, [&](const ordered_json& other) {
    return other["architecture"] == baseline && other["connections"] == cell["connections"] &&
           other["workload"] == cell["workload"];
  });
  return found == cells.end() || !HasProfile(*found) ? nullptr : &*found;
}

bool MayBeValid(const ordered_json& cell) {
  return !cell.contains("verdict") || cell["verdict"].value("valid", true);
}

double ErrorUs(const ordered_json& entry) {
  const double share = entry["share"].get<double>();
  if (share <= 0) return 0;
  return entry["share_error"].get<double>() / share * entry["cpu_us_per_request"].get<double>();
}

std::vector<Part> PartsOf(const ordered_json& cell, const ordered_json& baseline) {
  const ordered_json& own = cell["profile"]["classes"];
  const ordered_json& other = baseline["profile"]["classes"];
  std::vector<Part> parts;
  for (size_t i = 0; i < std::min(own.size(), other.size()); ++i) {
    parts.push_back({.name = own[i]["class"].get<std::string>(),
                     .label = own[i]["label"].get<std::string>(),
                     .us = own[i]["cpu_us_per_request"].get<double>() -
                           other[i]["cpu_us_per_request"].get<double>(),
                     .error_us = std::hypot(ErrorUs(own[i]), ErrorUs(other[i]))});
  }
  std::ranges::stable_sort(
      parts, [](const Part& a, const Part& b) { return std::abs(a.us) > std::abs(b.us); });
  return parts;
}

bool IsNamed(const Part& part) { return part.name != "other" && part.name != "other_kernel"; }

std::string Microseconds(double us) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f", std::abs(us));
  return text;
}

// "6.0 more in switching, 1.4 more in futexes and 0.9 less in epoll", from the point of view of the
// one that takes more; whatever is within the samples' error is not told.
std::string PartsText(const std::vector<Part>& parts, double sign) {
  std::vector<std::string> words;
  for (const Part& part : parts) {
    if (words.size() == kPartsTold) break;
    if (std::abs(part.us) < kErrorsTold * part.error_us || Microseconds(part.us) == "0.0") continue;
    words.push_back(Microseconds(part.us) + (part.us * sign > 0 ? " more in " : " less in ") +
                    part.label);
  }
  return words.empty() ? "spread over parts that are each within the samples' error"
                       : ListText(words);
}

ordered_json Explain(const ordered_json& cell, const ordered_json& baseline) {
  const std::vector<Part> parts = PartsOf(cell, baseline);
  double difference_us = 0;
  double unnamed_us = 0;
  ordered_json listed = ordered_json::array();
  for (const Part& part : parts) {
    difference_us += part.us;
    if (!IsNamed(part)) unnamed_us += part.us;
    listed.push_back({{"class", part.name}, {"label", part.label}, {"us", part.us}});
  }
  const std::string own = cell["architecture"].get<std::string>();
  const std::string other = baseline["architecture"].get<std::string>();
  const bool more = difference_us >= 0;
  std::string text =
      "At " + IntegerText(cell["connections"].get<int64_t>()) + " connections " +
      (more ? own : other) + " spends " + Microseconds(difference_us) +
      " µs more CPU per request than " + (more ? other : own) + ": " +
      PartsText(parts, more ? 1 : -1) + "." +
      (MayBeValid(cell) && MayBeValid(baseline) ? "" : " Not both of them are valid.");
  ordered_json out = {{"connections", cell["connections"]},
                      {"workload", cell["workload"]},
                      {"architecture", own},
                      {"baseline", other},
                      {"difference_us", difference_us},
                      {"parts", listed}};
  out["named_share"] = difference_us == 0
                           ? ordered_json(nullptr)
                           : ordered_json(1 - std::abs(unnamed_us) / std::abs(difference_us));
  out["text"] = text;
  return out;
}

}  // namespace

ordered_json ExplainDifferences(const ordered_json& cells, const std::string& baseline) {
  ordered_json all = ordered_json::array();
  for (const ordered_json& cell : cells) {
    if (cell["architecture"] == baseline || !HasProfile(cell)) continue;
    const ordered_json* const other = BaselineOf(cells, cell, baseline);
    if (other != nullptr) all.push_back(Explain(cell, *other));
  }
  return all;
}

}  // namespace crossover
