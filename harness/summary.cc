#include "harness/summary.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "harness/wording.h"

namespace crossover {
namespace {

using nlohmann::ordered_json;

struct Column {
  std::string_view title;
  std::string_view metric;
  double scale;  // shown = value x scale
};

constexpr std::array<Column, 6> kColumns = {{
    {"CPU, µs/request", "cpu_us_per_request", 1},
    {"switches/request", "context_switches_per_request", 1},
    {"run-queue wait, µs/request", "run_queue_wait_us_per_request", 1},
    {"throughput, requests/s", "throughput_rps", 1},
    {"p99 latency, ms", "latency_us_p99", 1e-3},
    {"memory, KiB/connection", "memory_bytes_per_connection", 1.0 / 1024},
}};

// How a ratio of the metric is said: SUBJECT verb 1.8 times (1.7 to 1.9) the object OTHER.
struct Phrase {
  std::string_view metric;
  std::string_view verb;
  std::string_view object;
  std::string_view noun;
};

constexpr std::array<Phrase, 5> kPhrases = {{
    {"cpu_us_per_request", "takes", "the CPU per request of", "CPU per request"},
    {"context_switches_per_request", "makes", "the context switches per request of",
     "context switches per request"},
    {"throughput_rps", "serves", "the requests per second of", "throughput"},
    {"latency_us_p99", "has", "the 99th-percentile latency of", "99th-percentile latency"},
    {"memory_bytes_per_connection", "uses", "the memory per connection of",
     "memory per connection"},
}};

// A cell of a table, or plain text inside Markdown: what would break out of it is escaped.
std::string Escaped(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '\n' || c == '\r') {
      escaped += ' ';
      continue;
    }
    if (std::string_view("|<>*`[]\\").find(c) != std::string_view::npos) escaped += '\\';
    escaped += c;
  }
  return escaped;
}

std::string TextOf(const ordered_json& json) {
  if (json.is_string()) return Escaped(json.get<std::string>());
  if (json.is_number_integer()) return IntegerText(json.get<int64_t>());
  return Escaped(json.dump(-1, ' ', false, ordered_json::error_handler_t::replace));
}

bool SeveralWorkloads(const ordered_json& report) {
  return report["experiment"]["workloads"].size() > 1;
}

std::string Place(const ordered_json& report, const ordered_json& entry) {
  std::string place = IntegerText(entry["connections"].get<int64_t>()) + " connections";
  if (SeveralWorkloads(report)) place += " (" + TextOf(entry["workload"]) + ")";
  return place;
}

std::string MetricText(const ordered_json& metric, double scale) {
  if (metric["median"].is_null()) return "n/a";
  std::string text = NumberText(metric["median"].get<double>() * scale);
  if (!metric["ci95_low"].is_null()) {
    text += " (" + NumberText(metric["ci95_low"].get<double>() * scale) + " to " +
            NumberText(metric["ci95_high"].get<double>() * scale) + ")";
  }
  return text;
}

std::string VerdictText(const ordered_json& cell) {
  std::string codes;
  for (const ordered_json& reason : cell["verdict"]["reasons"]) {
    if (!codes.empty()) codes += ", ";
    codes += TextOf(reason["code"]) + " x " + TextOf(reason["trials"]);
  }
  const std::string counts = TextOf(cell["trials"]["valid"]) + "/" + TextOf(cell["trials"]["done"]);
  if (cell["trials"]["done"] == 0) return "not run";
  const bool valid = cell["verdict"]["valid"].get<bool>();
  return (valid ? "valid " : "**not valid** ") + counts + (codes.empty() ? "" : ": " + codes);
}

std::string Head(const ordered_json& report) {
  const ordered_json& experiment = report["experiment"];
  std::string text = "# " + TextOf(experiment["name"]) + "\n\n";
  if (const std::string description = TextOf(experiment["description"]); !description.empty()) {
    text += description + "\n\n";
  }
  text += "Run " + TextOf(report["run_id"]) + ": " + TextOf(report["trials_done"]) + " of " +
          TextOf(report["trials_planned"]) + " trials done. Medians over " +
          TextOf(experiment["repetitions"]) + " repetitions, with intervals in parentheses.\n\n";
  return text;
}

// A table for each workload and number of connections, in the cells' order.
std::string Tables(const ordered_json& report) {
  std::string text = "## Results\n";
  std::string place;
  for (const ordered_json& cell : report["cells"]) {
    if (const std::string here = Place(report, cell); here != place) {
      place = here;
      text += "\n### " + place + "\n\n| architecture |";
      for (const Column& column : kColumns) text += " " + std::string(column.title) + " |";
      text += " trials |\n|---|";
      for (size_t i = 0; i < kColumns.size(); ++i) text += "---:|";
      text += "---|\n";
    }
    text += "| " + TextOf(cell["architecture"]) + " |";
    for (const Column& column : kColumns) {
      text += " " + MetricText(cell["metrics"][std::string(column.metric)], column.scale) + " |";
    }
    text += " " + VerdictText(cell) + " |\n";
  }
  return text + "\n";
}

// The larger side is the subject, so that every factor reads as "times" and not as a fraction. The
// interval was made on logarithms, and so turns over with the ratio.
std::string Sentence(const ordered_json& report, const ordered_json& entry, const Phrase& phrase) {
  const bool turned = entry["ratio"].get<double>() < 1;
  const auto factor = [&](const char* key) {
    const double value = entry[key].get<double>();
    return NumberText(turned ? 1 / value : value);
  };
  std::string larger = TextOf(entry["architecture"]);
  std::string smaller = TextOf(entry["baseline"]);
  std::string range;
  if (!entry["ci95_low"].is_null()) {
    const char* const low = turned ? "ci95_high" : "ci95_low";
    const char* const high = turned ? "ci95_low" : "ci95_high";
    range = " (" + factor(low) + " to " + factor(high) + ")";
  }
  if (turned) std::swap(larger, smaller);
  if (entry["verdict"] == "too few pairs to compare") {
    return "- At " + Place(report, entry) + " the ratio of " + larger + " to " + smaller + " in " +
           std::string(phrase.noun) + " is " + factor("ratio") +
           ", from a single pair of repetitions: too few to tell a difference from chance.\n";
  }
  if (entry["verdict"] == "no detectable difference") {
    return "- At " + Place(report, entry) + " no difference in " + std::string(phrase.noun) +
           " was detected between " + larger + " and " + smaller + ", whose ratio is " +
           factor("ratio") + range + ".\n";
  }
  return "- At " + Place(report, entry) + " " + larger + " " + std::string(phrase.verb) + " " +
         factor("ratio") + " times" + range + " " + std::string(phrase.object) + " " + smaller +
         ".\n";
}

std::string Comparisons(const ordered_json& report) {
  std::string text = "## Comparisons\n\n";
  bool any = false;
  for (const Phrase& phrase : kPhrases) {
    for (const ordered_json& entry : report["comparisons"]) {
      if (entry["metric"] != phrase.metric || entry["ratio"].is_null()) continue;
      text += Sentence(report, entry, phrase);
      any = true;
    }
  }
  if (!any) text += "None: no two cells are valid in the same repetitions.\n";
  return text + "\n";
}

std::string Invalid(const ordered_json& report) {
  std::string text;
  for (const ordered_json& cell : report["cells"]) {
    if (cell["trials"]["done"] == 0) continue;
    for (const ordered_json& reason : cell["verdict"]["reasons"]) {
      text += "- " + TextOf(cell["architecture"]) + " at " + Place(report, cell) + ": " +
              TextOf(reason["code"]) + " in " + TextOf(reason["trials"]) + " of " +
              TextOf(cell["trials"]["done"]) + " trials (first: " + TextOf(reason["detail"]) +
              ")\n";
    }
  }
  if (text.empty()) return text;
  return "## Trials that are not valid\n\n" + text + "\n";
}

std::string Notes(const ordered_json& report) {
  std::string text = "## Read this first\n\n";
  for (const ordered_json& note : report["notes"]) text += "- " + TextOf(note) + "\n";
  return text + "\n";
}

std::string Charts(const ordered_json& report) {
  if (SeveralWorkloads(report)) {
    return "## Charts\n\n[charts/](charts/) holds a set for each workload.\n\n";
  }
  static constexpr std::array<std::string_view, 6> kCharts = {
      "overview", "throughput", "cpu_per_request", "scheduling", "latency", "memory"};
  std::string text = "## Charts\n\n";
  for (const std::string_view chart : kCharts) {
    const std::string name(chart);
    text += "- [" + Escaped(name) + "](charts/" + name + ".svg)\n";
  }
  return text + "\n";
}

std::string Environment(const ordered_json& report) {
  std::string text = "## Environment\n\n| | |\n|---|---|\n";
  text += "| server CPUs | " + TextOf(report["placement"]["server_cpus"]) + " |\n";
  text += "| client CPUs | " + TextOf(report["placement"]["client_cpus"]) + " |\n";
  for (const auto& [key, value] : report["environment"].items()) {
    text += "| " + Escaped(key) + " | " + TextOf(value) + " |\n";
  }
  return text;
}

}  // namespace

std::string RenderSummary(const ordered_json& report) {
  return Head(report) + Notes(report) + Comparisons(report) + Tables(report) + Invalid(report) +
         Charts(report) + Environment(report);
}

}  // namespace crossover
