#include "harness/names.h"

#include <algorithm>

#include "base/limits.h"

namespace crossover {

bool HasControlCharacter(std::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](unsigned char c) { return c < 0x20 || c == 0x7f; });
}

std::string ParseName(const JsonNode& node) {
  std::string name = node.String();
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
  };
  if (name.empty() || name.size() > limits::kNameBytesMax || name.front() == '-' ||
      name.front() == '.' || !std::all_of(name.begin(), name.end(), allowed)) {
    node.Refuse("must be a name of 1 to " + std::to_string(limits::kNameBytesMax) +
                " letters, digits, '-', '_' or '.', not opening with '-' or '.'");
  }
  return name;
}

std::string ParseLine(const JsonNode& node, size_t bytes_max) {
  std::string text = node.String();
  if (text.size() > bytes_max || HasControlCharacter(text)) {
    node.Refuse("must be one line of at most " + std::to_string(bytes_max) + " bytes");
  }
  return text;
}

}  // namespace crossover
