#include "base/json_node.h"

#include <algorithm>
#include <numeric>
#include <set>

#include "base/duration.h"
#include "base/error.h"

namespace crossover {
namespace {

using nlohmann::json;

std::string LineAndColumn(std::string_view text, size_t offset) {
  const std::string_view before = text.substr(0, std::min(offset, text.size()));
  const auto line = 1 + std::count(before.begin(), before.end(), '\n');
  const size_t newline = before.rfind('\n');
  const size_t column = before.size() - (newline == std::string_view::npos ? 0 : newline + 1) + 1;
  return "line " + std::to_string(line) + ", column " + std::to_string(column);
}

// What the library says after "parse error at line 1, column 2: ".
std::string SyntaxProblem(std::string_view message) {
  const size_t at = message.find(", column ");
  const size_t colon = at == std::string_view::npos ? at : message.find(": ", at);
  return std::string(colon == std::string_view::npos ? message : message.substr(colon + 2));
}

size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t substituted = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, substituted});
    }
  }
  return row[b.size()];
}

std::string Joined(std::span<const std::string_view> words) {
  std::string text;
  for (const std::string_view word : words) {
    if (!text.empty()) text += ", ";
    text += word;
  }
  return text;
}

// The nearest name as a hint, or else all of them.
std::string Hint(std::string_view word, std::span<const std::string_view> known) {
  const std::string nearest = NearestName(word, known);
  return nearest.empty() ? "known are: " + Joined(known) : "did you mean '" + nearest + "'?";
}

// A value in a message: short, and on one line.
std::string Shown(const json& value) {
  constexpr size_t kBytesMax = 60;
  std::string text = value.dump(-1, ' ', true, json::error_handler_t::replace);
  if (text.size() > kBytesMax) text = text.substr(0, kBytesMax) + "...";
  return text;
}

}  // namespace

json ParseJsonStrictly(std::string_view text, std::string_view source) {
  std::vector<std::set<std::string>> open_objects;
  const auto on_event = [&](int, json::parse_event_t event, json& parsed) {
    if (event == json::parse_event_t::object_start) open_objects.emplace_back();
    if (event == json::parse_event_t::object_end) open_objects.pop_back();
    if (event == json::parse_event_t::key &&
        !open_objects.back().insert(parsed.get<std::string>()).second) {
      throw UsageError(std::string(source) + ": the key " + Shown(parsed) +
                       " appears twice in one object; keep one of them");
    }
    return true;
  };
  try {
    return json::parse(text, on_event);
  } catch (const json::parse_error& error) {
    const size_t offset = error.byte == 0 ? 0 : error.byte - 1;
    throw UsageError(std::string(source) + ": " + LineAndColumn(text, offset) +
                     ": not valid JSON: " + SyntaxProblem(error.what()));
  } catch (const json::out_of_range& error) {
    throw UsageError(std::string(source) + ": a number is too large for JSON: " + error.what());
  }
}

std::string NearestName(std::string_view word, std::span<const std::string_view> known) {
  constexpr size_t kWordBytesMax = 64;  // longer ones are no slip of the hand
  if (word.size() > kWordBytesMax) return {};
  std::string nearest;
  size_t distance_max = std::max<size_t>(1, word.size() / 3);
  for (const std::string_view name : known) {
    const size_t distance = EditDistance(word, name);
    if (distance > distance_max) continue;
    if (!nearest.empty() && distance == distance_max) continue;  // the first of equals
    nearest = name;
    distance_max = distance;
  }
  return nearest;
}

void JsonNode::Refuse(const std::string& what) const {
  throw UsageError(source_ + ": " + (path_.empty() ? "" : path_ + ": ") + what);
}

void JsonNode::RequireObject(std::span<const std::string_view> known) const {
  if (!value_->is_object()) Refuse("must be an object {...}, not " + Shown(*value_));
  for (const auto& [key, member] : value_->items()) {
    if (std::find(known.begin(), known.end(), key) == known.end()) {
      Refuse("unknown key " + Shown(json(key)) + "; " + Hint(key, known));
    }
  }
}

std::optional<JsonNode> JsonNode::Find(std::string_view key) const {
  const auto found = value_->find(key);
  if (found == value_->end()) return std::nullopt;
  return JsonNode(*found, source_,
                  path_.empty() ? std::string(key) : path_ + "." + std::string(key));
}

JsonNode JsonNode::Require(std::string_view key, std::string_view example) const {
  if (!value_->is_object()) Refuse("must be an object {...}, not " + Shown(*value_));
  std::optional<JsonNode> member = Find(key);
  if (!member) {
    Refuse("the key '" + std::string(key) + "' is missing" +
           (example.empty() ? "" : "; add " + std::string(example)));
  }
  return *member;
}

std::vector<JsonNode> JsonNode::Elements() const {
  if (!value_->is_array()) Refuse("must be an array [...], not " + Shown(*value_));
  std::vector<JsonNode> elements;
  for (size_t i = 0; i < value_->size(); ++i) {
    elements.emplace_back((*value_)[i], source_, path_ + "[" + std::to_string(i) + "]");
  }
  return elements;
}

std::string JsonNode::String() const {
  if (!value_->is_string()) Refuse("must be a string, not " + Shown(*value_));
  return value_->get<std::string>();
}

int64_t JsonNode::Integer(int64_t min, int64_t max) const {
  // An unsigned number above INT64_MAX would come out of get<int64_t> as a negative one.
  const bool fits = value_->is_number_integer() && !(value_->is_number_unsigned() &&
                                                     value_->get<uint64_t>() > uint64_t{INT64_MAX});
  if (fits) {
    const auto number = value_->get<int64_t>();
    if (number >= min && number <= max) return number;
  }
  Refuse("must be a whole number from " + std::to_string(min) + " to " + std::to_string(max) +
         ", not " + Shown(*value_));
}

double JsonNode::Number() const {
  if (!value_->is_number()) Refuse("must be a number, not " + Shown(*value_));
  return value_->get<double>();
}

bool JsonNode::Bool() const {
  if (!value_->is_boolean()) Refuse("must be true or false, not " + Shown(*value_));
  return value_->get<bool>();
}

int64_t JsonNode::DurationNs(int64_t min_ns) const {
  if (!value_->is_string()) {
    Refuse("must be a duration in quotes with a unit, such as \"1.5s\", not " + Shown(*value_));
  }
  const int64_t ns = ParseDurationNs(value_->get<std::string>(), source_ + ": " + path_);
  if (ns < min_ns) {
    Refuse("must be at least " + FormatDurationNs(min_ns) + ", not " + Shown(*value_));
  }
  return ns;
}

std::string JsonNode::Choice(std::span<const std::string_view> choices) const {
  std::string word = String();
  if (std::find(choices.begin(), choices.end(), word) == choices.end()) {
    Refuse("unknown value " + Shown(*value_) + "; " + Hint(word, choices));
  }
  return word;
}

}  // namespace crossover
