#include "harness/model/model_summary.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>
#include <vector>

#include "harness/model/prediction.h"
#include "harness/wording.h"

namespace crossover {
namespace {

using nlohmann::ordered_json;

std::string Fixed(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.2f", value);
  return text;
}

std::string TextOf(const ordered_json& text) { return text.get<std::string>(); }

// Labels of the parts that any cell has.
std::vector<std::string> PartsOf(const ordered_json& report) {
  std::vector<std::string> labels;
  for (const ordered_json& cell : report["cells"]) {
    if (!cell["prediction"].contains("parts")) continue;
    for (const ordered_json& part : cell["prediction"]["parts"]) {
      if (std::ranges::count(labels, TextOf(part["label"])) == 0) {
        labels.push_back(TextOf(part["label"]));
      }
    }
  }
  return labels;
}

std::string Row(const ordered_json& cell, const std::vector<std::string>& labels) {
  const ordered_json& prediction = cell["prediction"];
  std::string text = "| " + TextOf(cell["architecture"]) + " | " +
                     IntegerText(cell["connections"].get<int64_t>()) + " | " +
                     TextOf(cell["workload"]) + " |";
  if (prediction.contains("unavailable")) {
    return text + " n/a: " + TextOf(prediction["unavailable"]) + " |\n";
  }
  text += " " + Fixed(prediction["predicted_us"].get<double>()) + " |";
  if (prediction["ratio"].is_null()) {
    text += " n/a | n/a |";
  } else {
    const auto ratio = prediction["ratio"].get<double>();
    const bool near = std::abs(ratio - 1) <= kPredictionTolerance;
    text += " " + Fixed(prediction["measured_us"].get<double>()) + " | " +
            (near ? Fixed(ratio) : "**" + Fixed(ratio) + "**") +
            (cell["verdict"]["valid"].get<bool>() ? "" : " (not valid)") + " |";
  }
  std::map<std::string, double> us;
  for (const ordered_json& part : prediction["parts"]) {
    us[TextOf(part["label"])] = part["us"].get<double>();
  }
  for (const std::string& label : labels) {
    text += us.contains(label) ? " " + Fixed(us[label]) + " |" : std::string(" - |");
  }
  return text + "\n";
}

std::string Predictions(const ordered_json& report) {
  const std::vector<std::string> labels = PartsOf(report);
  std::string text =
      "| architecture | connections | workload | predicted, µs | measured, µs | ratio |";
  for (const std::string& label : labels) text += " " + label + " |";
  text += "\n|---|---:|---|---:|---:|---:|";
  for (size_t i = 0; i < labels.size(); ++i) text += "---:|";
  text += "\n";
  for (const ordered_json& cell : report["cells"]) text += Row(cell, labels);
  return text + "\n";
}

// A line for each step, a column for each number of connections.
std::string Costs(const ordered_json& micro_costs) {
  std::vector<int64_t> columns;
  std::vector<std::string> names;
  std::map<std::pair<std::string, int64_t>, double> ns;
  for (const ordered_json& cost : micro_costs["costs"]) {
    std::string name = TextOf(cost["name"]);
    if (cost.contains("ready")) {
      name += " (" + IntegerText(cost["ready"].get<int64_t>()) + " ready)";
    }
    const auto connections = cost.value("connections", int64_t{0});
    if (std::ranges::count(columns, connections) == 0) columns.push_back(connections);
    if (std::ranges::count(names, name) == 0) names.push_back(name);
    ns[{name, connections}] = cost["ns"].get<double>();
  }
  std::ranges::sort(columns);
  std::string text = "| step, ns |";
  for (const int64_t column : columns) {
    text += column == 0 ? " any number |" : " " + IntegerText(column) + " |";
  }
  text += "\n|---|";
  for (size_t i = 0; i < columns.size(); ++i) text += "---:|";
  text += "\n";
  for (const std::string& name : names) {
    text += "| `" + name + "` |";
    for (const int64_t column : columns) {
      const auto found = ns.find({name, column});
      text += found == ns.end() ? std::string(" |") : " " + NumberText(found->second) + " |";
    }
    text += "\n";
  }
  for (const ordered_json& each : micro_costs["unavailable"]) {
    text += "\n- no `" + TextOf(each["name"]) + "`" +
            (each.contains("connections") ? " at " + IntegerText(each["connections"].get<int64_t>())
                                          : "") +
            ": " + TextOf(each["why"]);
  }
  for (const ordered_json& why : micro_costs["failed"]) {
    text += "\n- a reading broke off: " + TextOf(why);
  }
  return text + "\n";
}

}  // namespace

std::string RenderModelSummary(const ordered_json& report) {
  const auto model = report.find("model");
  if (model == report.end()) return {};
  const auto cells = (*model)["cells"].get<size_t>();
  return "## What a request should cost\n\nCPU time per request as a sum: what the trace counted "
         "(system calls, switches, events per wait), times what such a step costs, measured by "
         "itself on the same CPUs " +
         CountText((*model)["micro_costs"]["readings"].get<size_t>(), "time") +
         " in this run. Nothing is fitted. " +
         (cells == 0
              ? "No valid cell has a prediction."
              : "Within 15 % of what was measured in " +
                    IntegerText((*model)["within"].get<int64_t>()) + " of " +
                    CountText(cells, "valid cell") + "; **ratios** in bold are further off.") +
         "\n\n" + Predictions(report) + Costs((*model)["micro_costs"]) + "\n";
}

}  // namespace crossover
