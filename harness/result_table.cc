#include "harness/result_table.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <string_view>

#include "harness/wording.h"

namespace crossover {
namespace {

using nlohmann::ordered_json;

struct TableColumn {
  std::string_view title;
  const char* metric;
  double scale;
  const char* format;  // nullptr: a whole number with thousands
};

constexpr TableColumn kTableColumns[] = {
    {"offered/s", "offered_rps", 1, nullptr},  // this and the shares: where any cell has it
    {"requests/s", "throughput_rps", 1, nullptr},
    {"shed %", "shed_share", 100, "%.1f"},
    {"unanswered %", "unanswered_share", 100, "%.1f"},
    {"CPU us/request", "cpu_us_per_request", 1, "%.2f"},
    {"switches/request", "context_switches_per_request", 1, "%.3f"},
    {"p50 ms", "latency_us_p50", 1e-3, "%.2f"},
    {"p99 ms", "latency_us_p99", 1e-3, "%.2f"},
    {"bytes/connection", "memory_bytes_per_connection", 1, nullptr},
};

std::string Value(const ordered_json& cell, const TableColumn& column) {
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

bool NamesWorkloads(const ordered_json& report) {
  return report.at("experiment").at("workloads").size() > 1;
}

std::string CellName(const ordered_json& report, const ordered_json& cell) {
  std::string name = cell.at("architecture").get<std::string>() + " at " +
                     IntegerText(cell.at("connections").get<int64_t>());
  if (NamesWorkloads(report)) {
    name += " (" + cell.at("workload").get<std::string>() + ")";
  }
  return name;
}

bool IsValid(const ordered_json& cell) { return cell.at("verdict").at("valid").get<bool>(); }

}  // namespace

std::string AlignedRows(const std::vector<std::vector<std::string>>& rows) {
  std::vector<size_t> widths(rows.front().size(), 0);
  for (const auto& row : rows) {
    for (size_t i = 0; row.size() > 1 && i < row.size(); ++i) {
      widths[i] = std::max(widths[i], row[i].size());
    }
  }
  std::string table;
  for (const auto& row : rows) {
    std::string line = row.front();
    if (row.size() > 1) line += std::string(widths.front() - row.front().size(), ' ');
    for (size_t i = 1; i + 1 < row.size(); ++i) {
      line += "  " + std::string(widths[i] - row[i].size(), ' ') + row[i];
    }
    if (row.size() > 1 && !row.back().empty()) line += "  " + row.back();
    table += line + "\n";
  }
  return table;
}

std::string RenderResultTable(const ordered_json& report) {
  const auto& cells = report.at("cells");
  std::vector<TableColumn> columns;
  for (const TableColumn& column : kTableColumns) {
    const bool open_only = std::string_view(column.metric) == "offered_rps" ||
                           std::string_view(column.metric).ends_with("_share");
    if (!open_only || std::ranges::any_of(cells, [&](const ordered_json& cell) {
          return Value(cell, column) != "-";
        })) {
      columns.push_back(column);
    }
  }
  const bool several = NamesWorkloads(report);
  std::vector<std::vector<std::string>> rows;
  rows.push_back({several ? "architecture" : "architecture at connections"});
  for (const TableColumn& column : columns) rows.back().emplace_back(column.title);
  rows.back().emplace_back("");
  std::string group;
  for (const ordered_json& cell : cells) {
    // A line of its own for each workload and number of connections, and less in each below it.
    const std::string here = cell.at("workload").get<std::string>() + ", " +
                             IntegerText(cell.at("connections").get<int64_t>()) + " connections:";
    if (several && here != group) rows.push_back({group = here});
    rows.push_back(
        {several ? "  " + cell.at("architecture").get<std::string>() : CellName(report, cell)});
    for (const TableColumn& column : columns) rows.back().push_back(Value(cell, column));
    rows.back().emplace_back(IsValid(cell) ? "" : "not valid");
  }
  return AlignedRows(rows);
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
