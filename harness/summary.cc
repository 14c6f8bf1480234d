#include "harness/summary.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "harness/model/model_summary.h"
#include "harness/profile/profile_summary.h"
#include "harness/wording.h"

namespace crossover {
namespace {

using nlohmann::ordered_json;

struct SummaryColumn {
  std::string_view title;
  std::string_view metric;
  double scale;  // shown = value x scale
};

constexpr std::array<SummaryColumn, 9> kSummaryColumns = {{
    {"CPU, µs/request", "cpu_us_per_request", 1},
    {"switches/request", "context_switches_per_request", 1},
    {"run-queue wait, µs/request", "run_queue_wait_us_per_request", 1},
    {"offered, requests/s", "offered_rps", 1},
    {"throughput, requests/s", "throughput_rps", 1},
    {"shed, %", "shed_share", 100},
    {"unanswered, %", "unanswered_share", 100},
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

// Columns that any cell has something to say in: what an open loop alone has is left out elsewhere.
std::vector<SummaryColumn> ColumnsOf(const ordered_json& report) {
  std::vector<SummaryColumn> columns;
  for (const SummaryColumn& column : kSummaryColumns) {
    const std::string name(column.metric);
    const bool open_only = column.metric == "offered_rps" || column.metric.ends_with("_share");
    const bool any = std::ranges::any_of(report["cells"], [&](const ordered_json& cell) {
      return cell["metrics"].contains(name) && !cell["metrics"][name]["median"].is_null();
    });
    if (any || !open_only) columns.push_back(column);
  }
  return columns;
}

std::string TableHead(std::string_view first, const std::vector<SummaryColumn>& columns) {
  std::string text = std::string(first);
  for (const SummaryColumn& column : columns) text += " " + std::string(column.title) + " |";
  text += " trials |\n";
  for (const char c : first) text += c == '|' ? "|---" : "";
  text.resize(text.size() - 3);
  for (size_t i = 0; i < columns.size(); ++i) text += "---:|";
  return text + "---|\n";
}

std::string TableRow(const ordered_json& cell, const std::vector<SummaryColumn>& columns) {
  std::string text;
  for (const SummaryColumn& column : columns) {
    const std::string name(column.metric);
    const bool there = cell["metrics"].contains(name);
    text += " " + (there ? MetricText(cell["metrics"][name], column.scale) : "n/a") + " |";
  }
  return text + " " + VerdictText(cell) + " |\n";
}

// A table for each number of connections. With several workloads it is one for all of them, or
// there would be more headings than rows.
std::string Tables(const ordered_json& report) {
  const std::vector<SummaryColumn> columns = ColumnsOf(report);
  const bool several = SeveralWorkloads(report);
  std::string text = "## Results\n";
  for (const ordered_json& connections : report["experiment"]["connections"]) {
    text += "\n### " + TextOf(connections) + " connections\n\n" +
            TableHead(several ? "| workload | architecture |" : "| architecture |", columns);
    for (const ordered_json& cell : report["cells"]) {
      if (cell["connections"] != connections) continue;
      if (several) text += "| " + TextOf(cell["workload"]) + " ";
      text += "| " + TextOf(cell["architecture"]) + " |" + TableRow(cell, columns);
    }
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
           ", from a single pair: too few to tell a difference from chance.\n";
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

// "**1.80 (1.70 to 1.90)**", with a mark instead of the bold where it is no finding.
std::string ComparisonText(const ordered_json& entry) {
  std::string text = NumberText(entry["ratio"].get<double>());
  if (!entry["ci95_low"].is_null()) {
    text += " (" + NumberText(entry["ci95_low"].get<double>()) + " to " +
            NumberText(entry["ci95_high"].get<double>()) + ")";
  }
  const std::string verdict = entry["verdict"].get<std::string>();
  if (verdict == "no detectable difference") return text + " ~";
  if (verdict == "too few pairs to compare") return text + " ?";
  return "**" + text + "**";
}

// With several workloads, sentences would be too many to read: a table for each metric, with a row
// for each workload and number of connections and a column for each architecture.
std::string ComparisonTable(const ordered_json& report, const Phrase& phrase) {
  std::vector<std::string> places;
  std::vector<std::string> architectures;
  std::map<std::pair<std::string, std::string>, std::string> ratios;
  const auto add_once = [](std::vector<std::string>& list, const std::string& text) {
    if (std::ranges::find(list, text) == list.end()) list.push_back(text);
  };
  std::string baseline;
  for (const ordered_json& entry : report["comparisons"]) {
    if (entry["metric"] != phrase.metric || entry["ratio"].is_null()) continue;
    const std::string place = TextOf(entry["workload"]) + " | " + TextOf(entry["connections"]);
    const std::string architecture = TextOf(entry["architecture"]);
    add_once(places, place);
    add_once(architectures, architecture);
    ratios[{place, architecture}] = ComparisonText(entry);
    baseline = TextOf(entry["baseline"]);
  }
  if (places.empty()) return {};
  std::string text = "### " + std::string(phrase.noun) + ", as a multiple of " + baseline +
                     "'s\n\n| workload | connections |";
  for (const std::string& architecture : architectures) text += " " + architecture + " |";
  text += "\n|---|---:|";
  for (size_t i = 0; i < architectures.size(); ++i) text += "---:|";
  text += "\n";
  for (const std::string& place : places) {
    text += "| " + place + " |";
    for (const std::string& architecture : architectures) {
      const auto ratio = ratios.find({place, architecture});
      text += " " + (ratio == ratios.end() ? "-" : ratio->second) + " |";
    }
    text += "\n";
  }
  return text + "\n";
}

// Which ratios are of which pairs, if there are duets.
std::string Methods(const ordered_json& report) {
  if (!report["experiment"].contains("duet")) return {};
  std::vector<std::string> by_duet;
  std::vector<std::string> interleaved;
  std::string missing;
  for (const Phrase& phrase : kPhrases) {
    bool has_duet = false;
    bool has_any = false;
    for (const ordered_json& entry : report["comparisons"]) {
      if (entry["metric"] != phrase.metric) continue;
      has_any = true;
      has_duet = has_duet || entry["method"] == "duet";
      // The reason is the same for each metric.
      if (phrase.metric != kPhrases.front().metric || !entry.contains("no_duet")) continue;
      missing += "- No duet of " + TextOf(entry["architecture"]) + " at " + Place(report, entry) +
                 ", so that whole trials are compared: " + TextOf(entry["no_duet"]) + ".\n";
    }
    if (has_any) (has_duet ? by_duet : interleaved).emplace_back(phrase.noun);
  }
  std::string text;
  if (!by_duet.empty()) {
    text = "Ratios of " + ListText(by_duet) +
           " are from duets: both servers alive on the same CPUs, loaded in turns in slices of a "
           "fraction of a second.";
  }
  if (!interleaved.empty()) {
    text += (text.empty() ? "" : " ") + std::string("Those of ") + ListText(interleaved) +
            " are from whole trials, interleaved.";
  }
  return text + (text.empty() ? "" : "\n\n") + missing + (missing.empty() ? "" : "\n");
}

std::string Comparisons(const ordered_json& report) {
  const bool several = SeveralWorkloads(report);
  std::string text;
  for (const Phrase& phrase : kPhrases) {
    if (several) {
      text += ComparisonTable(report, phrase);
      continue;
    }
    for (const ordered_json& entry : report["comparisons"]) {
      if (entry["metric"] != phrase.metric || entry["ratio"].is_null()) continue;
      text += Sentence(report, entry, phrase);
    }
  }
  if (text.empty()) {
    text = "None: no two cells are valid in the same repetitions.\n";
  } else if (several) {
    text = "Bold: a difference was detected; ~: none was; ?: too few pairs to tell.\n\n" + text;
  }
  return "## Comparisons\n\n" + Methods(report) + text + (text.ends_with("\n\n") ? "" : "\n");
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

std::string NoteList(const ordered_json& report) {
  std::string text = "## Read this first\n\n";
  for (const ordered_json& note : report["notes"]) text += "- " + TextOf(note) + "\n";
  return text + "\n";
}

bool HasOpenLoop(const ordered_json& report) {
  return std::ranges::any_of(report["cells"], [](const ordered_json& cell) {
    const auto offered = cell["metrics"].find("offered_rps");
    return offered != cell["metrics"].end() && !(*offered)["median"].is_null();
  });
}

// Whether the instrument `key` found something in any cell: then there are its charts.
bool HasFindings(const ordered_json& report, const char* key) {
  return std::ranges::any_of(report["cells"], [&](const ordered_json& cell) {
    return cell.contains(key) && !cell[key].contains("unavailable");
  });
}

std::string Charts(const ordered_json& report) {
  if (SeveralWorkloads(report) && !report["experiment"].contains("axis")) {
    return "## Charts\n\n[charts/](charts/) holds a set for each workload.\n\n";
  }
  std::vector<std::string> charts = {"overview",   "ranking", "throughput", "cpu_per_request",
                                     "scheduling", "latency", "memory"};
  if (HasOpenLoop(report)) charts.insert(charts.end(), {"overload", "losses"});
  if (HasFindings(report, "profile")) {
    charts.insert(charts.end(), {"cpu_by_class", "scheduler_share"});
  }
  if (HasFindings(report, "trace")) charts.insert(charts.end(), {"run_queue", "system_calls"});
  if (HasFindings(report, "prediction")) charts.emplace_back("prediction");
  std::string text = "## Charts\n\n";
  for (const std::string& chart : charts) {
    text += "- [" + Escaped(chart) + "](charts/" + chart + ".svg)\n";
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
  return Head(report) + NoteList(report) + Comparisons(report) + Tables(report) +
         RenderProfileSummary(report) + RenderModelSummary(report) + Invalid(report) +
         Charts(report) + Environment(report);
}

}  // namespace crossover
