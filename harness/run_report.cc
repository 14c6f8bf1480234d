#include "harness/run_report.h"

#include <fstream>
#include <sstream>

#include "base/error.h"
#include "base/json_node.h"
#include "base/limits.h"
#include "harness/names.h"
#include "harness/report.h"

namespace crossover {
namespace {

std::optional<double> NumberOrNothing(const JsonNode& node) {
  if (node.value().is_null()) return std::nullopt;
  return node.Number();
}

const nlohmann::json& ObjectOf(const JsonNode& node) {
  if (!node.value().is_object()) node.Refuse("must be an object {...}");
  return node.value();
}

std::string ReasonCodes(const JsonNode& verdict) {
  std::string codes;
  for (const JsonNode& reason : verdict.Require("reasons").Elements()) {
    codes += (codes.empty() ? "" : ", ") + ParseName(reason.Require("code"));
  }
  return codes;
}

ReportedCell ParseReportedCell(const JsonNode& node, std::string_view metric) {
  ReportedCell cell;
  cell.architecture = ParseName(node.Require("architecture"));
  cell.connections = node.Require("connections").Integer(1, limits::kConnectionsMax);
  cell.workload = ParseName(node.Require("workload"));
  const JsonNode verdict = node.Require("verdict");
  cell.valid = verdict.Require("valid").Bool();
  cell.reasons = ReasonCodes(verdict);
  const auto found = node.Require("metrics").Find(metric);
  if (!found) {
    cell.unavailable = "not in this report";
    return cell;
  }
  cell.median = NumberOrNothing(found->Require("median"));
  if (!cell.median) {
    cell.unavailable = ParseLine(found->Require("unavailable"), limits::kDescriptionBytesMax);
  }
  const JsonNode valid_node = node.Require("repetition_valid");
  const std::vector<JsonNode> valid = valid_node.Elements();
  const std::vector<JsonNode> values = found->Require("repetitions").Elements();
  if (valid.size() != values.size()) valid_node.Refuse("is not as long as the metric's list");
  for (size_t i = 0; i < values.size(); ++i) {
    const std::optional<double> value = NumberOrNothing(values[i]);
    cell.values.push_back(valid[i].Bool() ? value : std::nullopt);
  }
  return cell;
}

std::optional<ReportedLoop> ParseLoop(const JsonNode& canary, std::string_view name) {
  if (canary.value().is_null()) return std::nullopt;
  const JsonNode node = canary.Require(name);
  const ReportedLoop loop{.median = node.Require("median").Number(),
                          .min = node.Require("min").Number(),
                          .max = node.Require("max").Number()};
  if (loop.min <= 0 || loop.median <= 0) node.Refuse("must be times above 0");
  return loop;
}

}  // namespace

RunReport ParseRunReport(std::string_view text, const std::filesystem::path& file,
                         std::string_view metric) {
  const std::string source = file.string();
  const nlohmann::json document = ParseJsonStrictly(text, source);
  const JsonNode root(document, source);
  const JsonNode version = root.Require("schema_version");
  if (version.value() != kReportSchemaVersion) {
    version.Refuse("this program reads version " + std::to_string(kReportSchemaVersion) + " only");
  }
  RunReport report;
  report.file = file;
  report.run_id = ParseLine(root.Require("run_id"), limits::kDescriptionBytesMax);
  report.complete = root.Require("complete").Bool();
  report.experiment = ObjectOf(root.Require("experiment"));
  report.environment = ObjectOf(root.Require("environment"));
  report.placement = ObjectOf(root.Require("placement"));
  const JsonNode canary = root.Require("canary");
  report.user_loop = ParseLoop(canary, "user_ns");
  report.system_call_loop = ParseLoop(canary, "syscall_ns");
  if (canary.value().contains("loopback_ns")) {
    report.loopback_loop = ParseLoop(canary, "loopback_ns");
  }
  const JsonNode cells = root.Require("cells");
  for (const JsonNode& cell : cells.Elements()) {
    report.cells.push_back(ParseReportedCell(cell, metric));
    if (cell.Require("metrics").Find("ksoftirqd_us_per_request")) report.counts_ksoftirqd = true;
  }
  if (report.cells.empty()) cells.Refuse("is empty: there is nothing to compare");
  return report;
}

RunReport ReadRunReport(const std::filesystem::path& path, std::string_view metric) {
  const std::filesystem::path file =
      std::filesystem::is_directory(path) ? path / "report.json" : path;
  std::ifstream stream(file, std::ios::binary);
  std::ostringstream text;
  if (stream) text << stream.rdbuf();
  if (!stream || stream.bad()) {
    throw UsageError(file.string() + ": cannot be read; name a run's directory or its report.json");
  }
  return ParseRunReport(text.view(), file, metric);
}

}  // namespace crossover
