// SelfTestLog: what all self-tests of one environment have seen, in a file that each adds to.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace crossover {

// results/selftest/<fingerprint of the environment>.jsonl; the summary and the chart stand beside
// it, with other endings.
std::filesystem::path SelfTestLogPath(const std::filesystem::path& results,
                                      const std::string& fingerprint);

struct SelfTestLog {
  std::vector<nlohmann::json> lines;  // as of self_test_checks.h, with "utc"; checked
  uint64_t complete_bytes = 0;        // of the file; a last line that a crash cut off is not in it
};

// Throws UsageError with `source`:line for what is no such line.
SelfTestLog ParseSelfTestLog(std::string_view text, std::string_view source);
// Empty if there is no such file. Throws UsageError.
SelfTestLog ReadSelfTestLog(const std::filesystem::path& path);

// What a report of a run in this environment quotes: the summary's "quote", or null if there was no
// self-test, or none that can be read.
nlohmann::json QuoteSelfTest(const std::filesystem::path& results, const std::string& fingerprint);

}  // namespace crossover
