#include "harness/selftest/self_test_log.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <sstream>
#include <vector>

#include "base/error.h"
#include "base/json_node.h"
#include "harness/selftest/self_test_summary.h"

namespace crossover {
namespace {

using nlohmann::json;

void CheckDuet(const JsonNode& line) {
  line.Require("architecture").String();
  if (line.Require("injected").Number() < 0) line.Refuse("injected must not be below 0");
  if (const auto by = line.Find("injected_by")) by->String();
  if (line.Find("unavailable")) return;
  line.Require("seconds").Number();
  const auto blocks = line.Find("cpu_us_by_block");  // not of before pairs were ranked
  if (!blocks) return;
  const auto is_positive = [](const JsonNode& us) { return us.Number() > 0; };
  for (const JsonNode& block : blocks->Elements()) {
    for (const JsonNode& pair : block.Elements()) {
      const std::vector<JsonNode> both = pair.Elements();
      if (both.size() != 2 || !std::ranges::all_of(both, is_positive)) {
        pair.Refuse("must be two numbers above 0");
      }
    }
  }
}

void CheckLine(const JsonNode& line) {
  static constexpr std::array<std::string_view, 4> kChecks = {"duet", "ledger", "stall", "ceiling"};
  const std::string check = line.Require("check").Choice(kChecks);
  line.Require("utc").String();
  if (check == "duet") {
    CheckDuet(line);
  } else if (check == "ledger") {
    line.Require("architecture").String();
    line.Require("closes").Bool();
    line.Require("verified").Number();
    line.Require("detail").String();
  } else if (check == "stall") {
    for (const JsonNode& quantile : line.Require("quantiles").Elements()) {
      for (const char* key : {"quantile", "expected_ms", "found_ms"}) {
        quantile.Require(key).Number();
      }
    }
  } else {
    line.Require("engine").String();
    for (const char* key : {"connections", "throughput_rps"}) line.Require(key).Number();
    line.Require("limited_by").String();
  }
}

}  // namespace

std::filesystem::path SelfTestLogPath(const std::filesystem::path& results,
                                      const std::string& fingerprint) {
  return results / "selftest" / (fingerprint + ".jsonl");
}

SelfTestLog ParseSelfTestLog(std::string_view text, std::string_view source) {
  SelfTestLog log;
  size_t number = 0;
  for (size_t at = 0; at < text.size();) {
    const size_t end = text.find('\n', at);
    if (end == std::string_view::npos) break;  // cut off
    const std::string where = std::string(source) + ":" + std::to_string(++number);
    json line = ParseJsonStrictly(text.substr(at, end - at), where);
    CheckLine(JsonNode(line, where));
    log.lines.push_back(std::move(line));
    at = end + 1;
    log.complete_bytes = at;
  }
  return log;
}

SelfTestLog ReadSelfTestLog(const std::filesystem::path& path) {
  if (!std::filesystem::exists(path)) return {};
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  if (file.peek() != std::ifstream::traits_type::eof()) text << file.rdbuf();
  if (!file.is_open() || file.bad()) throw UsageError(path.string() + " cannot be read");
  return ParseSelfTestLog(text.view(), path.string());
}

json QuoteSelfTest(const std::filesystem::path& results, const std::string& fingerprint) {
  std::ifstream file(SelfTestLogPath(results, fingerprint).replace_extension(".json"),
                     std::ios::binary);
  const json summary = json::parse(file, nullptr, /*allow_exceptions=*/false);
  if (!summary.is_object() || summary.value("schema", json()) != kSelfTestSchema) return {};
  return summary.value("quote", json());
}

}  // namespace crossover
