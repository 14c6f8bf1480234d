#include <cmath>
#include <cstdio>
#include <vector>

#include "harness/selftest/self_test_summary.h"
#include "harness/wording.h"

namespace crossover {
namespace {

using nlohmann::ordered_json;

std::string DetectionRow(const ordered_json& each) {
  const auto comparisons = each["comparisons"].get<size_t>();
  const double injected = each["injected"];
  const std::string name =
      injected == 0 ? "none (it against itself)" : PercentText(injected) + " more CPU";
  const std::string found =
      std::to_string(each["found"].get<size_t>()) + " of " + std::to_string(comparisons);
  const std::string range = PercentText(std::round(each["found_low"].get<double>() * 100) / 100) +
                            " to " +
                            PercentText(std::round(each["found_high"].get<double>() * 100) / 100);
  const std::string covered =
      std::to_string(each["covered"].get<size_t>()) + " of " + std::to_string(comparisons);
  char row[160];
  std::snprintf(row, sizeof row, "%-26s %12s %16s %18s %14.4f %9.1f s\n", name.c_str(),
                found.c_str(), range.c_str(), covered.c_str(), each["ratio"].get<double>(),
                each["seconds"].get<double>());
  return row;
}

std::string DetectionTable(const ordered_json& summary) {
  if (summary["detection"].empty()) return "No duet was played.\n";
  char head[160];
  std::snprintf(head, sizeof head, "%-26s %12s %16s %18s %14s %11s\n", "effect", "found",
                "95 % interval", "truth in interval", "median ratio", "each took");
  std::string text = head;
  for (const ordered_json& each : summary["detection"]) text += DetectionRow(each);
  return text;
}

std::string OtherChecks(const ordered_json& summary) {
  std::string text;
  if (const ordered_json& stall = summary["stall"]; !stall.is_null()) {
    text += "Latency of a server that stalls for " + NumberText(stall["stall_ms"]) + " of each " +
            NumberText(stall["period_ms"]) + " ms:";
    for (const ordered_json& each : stall["quantiles"]) {
      char part[96];
      std::snprintf(part, sizeof part, " %g: %.1f ms (known: %.1f);",
                    each["quantile"].get<double>(), each["found_ms"].get<double>(),
                    each["expected_ms"].get<double>());
      text += part;
    }
    text.back() = '\n';
  }
  if (const ordered_json& ceiling = summary["ceiling"]; !ceiling.is_null()) {
    text += "The client's ceiling: " + NumberText(ceiling["throughput_rps"]) + " requests/s (" +
            ceiling["engine"].get<std::string>() + ", " +
            IntegerText(ceiling["connections"].get<int64_t>()) + " connections)\n";
  }
  size_t closed = 0;
  for (const ordered_json& each : summary["ledger"]) closed += each["closes"].get<bool>() ? 1 : 0;
  if (!summary["ledger"].empty()) {
    text += "Ledger closes: " + std::to_string(closed) + " of " +
            CountText(summary["ledger"].size(), "architecture") + "\n";
  }
  return text;
}

}  // namespace

std::string RenderSelfTest(const ordered_json& summary) {
  std::string text = DetectionTable(summary) + "\n" + OtherChecks(summary);
  if (const ordered_json& why = summary["not_injected"]; !why.is_null()) {
    text += "A difference could not be injected: " + why.get<std::string>() + "\n";
  }
  if (!summary["no_duet"].empty()) {
    std::vector<std::string> names;
    for (const ordered_json& name : summary["no_duet"]) names.push_back(name);
    text += "No duet with itself: " + ListText(names) + "\n";
  }
  text += "\n";
  for (const ordered_json& why : summary["failures"]) {
    text += "FAILED: " + why.get<std::string>() + ".\n";
  }
  if (!summary["failures"].empty()) return text;
  if (summary["smallest_found"].is_null()) return text + "Nothing speaks against the instrument.\n";
  return text + "Nothing speaks against the instrument. A difference of " +
         PercentText(summary["smallest_found"]) + " is found in 9 of 10 duets, or more.\n";
}

}  // namespace crossover
