// JsonNode: strict, typed access to JSON that people wrote or files hold. Every refusal is a
// UsageError of one line: source, path of the key, what is wrong and what to do.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace crossover {

// Parses `text`. Throws UsageError with `source` and, for bad syntax, line and column; also for a
// key that appears twice in one object, of which JSON libraries silently keep only one.
nlohmann::json ParseJsonStrictly(std::string_view text, std::string_view source);

// The name in `known` that `word` most likely means (edit distance up to a third of its length,
// at least 1), or "" if none is that near.
std::string NearestName(std::string_view word, std::span<const std::string_view> known);

// A value and where it stands. Refers to the value, which must outlive it.
class JsonNode {
 public:
  JsonNode(const nlohmann::json& value, std::string_view source, std::string path = {})
      : value_(&value), source_(source), path_(std::move(path)) {}

  [[noreturn]] void Refuse(const std::string& what) const;

  const nlohmann::json& value() const { return *value_; }
  const std::string& path() const { return path_; }

  // Refuses what is no object, and any key that is not in `known`, naming the nearest.
  void RequireObject(std::span<const std::string_view> known) const;
  // The member `key`, or nullopt. This is an object.
  std::optional<JsonNode> Find(std::string_view key) const;
  // The member `key`; refuses if it is missing, saying what to write if there is an `example`.
  JsonNode Require(std::string_view key, std::string_view example = {}) const;
  // The elements; refuses what is no array.
  std::vector<JsonNode> Elements() const;

  std::string String() const;
  int64_t Integer(int64_t min, int64_t max) const;
  double Number() const;
  bool Bool() const;
  // Nanoseconds; a string with a unit. At least `min_ns`.
  int64_t DurationNs(int64_t min_ns) const;
  // One of `choices`, naming the nearest if it is none of them.
  std::string Choice(std::span<const std::string_view> choices) const;

 private:
  const nlohmann::json* value_;
  std::string source_;
  std::string path_;  // "load.warmup", "architectures[1].options"; empty at the top
};

}  // namespace crossover
