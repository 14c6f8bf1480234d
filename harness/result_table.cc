#include "harness/result_table.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <string_view>

#include "harness/wording.h"

namespace crossover {
namespace {

using nlohmann::ordered_json;

struct Column {
  std::string_view title;
  const char* metric;
  double scale;
  const char* format;  // nullptr: a whole number with thousands
};

constexpr Column kColumns[] = {
    {"requests/s", "throughput_rps", 1, nullptr},
    {"CPU us/request", "cpu_us_per_request", 1, "%.2f"},
    {"switches/request", "context_switches_per_request", 1, "%.3f"},
    {"p50 ms", "latency_us_p50", 1e-3, "%.2f"},
    {"p99 ms", "latency_us_p99", 1e-3, "%.2f"},
    {"bytes/connection", "memory_bytes_per_connection", 1, nullptr},
};

std::string Value(const ordered_json& cell, const Column& column) {
  const auto& metrics = cell.at("metrics");
  const auto metric = metrics.find(column.metric);
  if (metric == metrics.end() || !metric->contains("median") || !metric->at("median").is_number()) {
    return "-";
  }
  const double value = metric->at("median").get<double>() * column.scale;
  if (column.format == nullptr) return IntegerText(std::llround(value));
  char text[32];
  std::snprintf(text, sizeof text, column.format, value);
  return text;
}

std::string CellName(const ordered_json& report, const ordered_json& cell) {
  std::string name = cell.at("architecture").get<std::string>() + " at " +
                     IntegerText(cell.at("connections").get<int64_t>());
  if (report.at("experiment").at("workloads").size() > 1) {
    name += " (" + cell.at("workload").get<std::string>() + ")";
  }
  return name;
}

bool IsValid(const ordered_json& cell) { return cell.at("verdict").at("valid").get<bool>(); }

}  // namespace

std::string RenderResultTable(const ordered_json& report) {
  std::vector<std::vector<std::string>> rows;
  rows.push_back({"architecture at connections"});
  for (const Column& column : kColumns) rows.back().emplace_back(column.title);
  rows.back().emplace_back("");
  for (const ordered_json& cell : report.at("cells")) {
    rows.push_back({CellName(report, cell)});
    for (const Column& column : kColumns) rows.back().push_back(Value(cell, column));
    rows.back().emplace_back(IsValid(cell) ? "" : "not valid");
  }
  std::vector<size_t> widths(rows.front().size(), 0);
  for (const auto& row : rows) {
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string table;
  for (const auto& row : rows) {
    std::string line = row.front() + std::string(widths.front() - row.front().size(), ' ');
    for (size_t i = 1; i + 1 < row.size(); ++i) {
      line += "  " + std::string(widths[i] - row[i].size(), ' ') + row[i];
    }
    if (!row.back().empty()) line += "  " + row.back();
    table += line + "\n";
  }
  return table;
}

std::vector<std::string> InvalidCells(const ordered_json& report) {
  std::vector<std::string> lines;
  for (const ordered_json& cell : report.at("cells")) {
    if (IsValid(cell)) continue;
    std::string line = CellName(report, cell) + " is not valid:";
    for (const ordered_json& reason : cell.at("verdict").at("reasons")) {
      line += " " + reason.at("code").get<std::string>() + " (" +
              reason.at("detail").get<std::string>() + ")";
    }
    lines.push_back(line);
  }
  return lines;
}

}  // namespace crossover
