// Texts in parts.
#pragma once

#include <algorithm>
#include <string_view>
#include <vector>

namespace crossover {

// What stands between the separators; one part, empty, of an empty text. Refers to `text`.
inline std::vector<std::string_view> PartsOf(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (true) {
    const size_t size = std::min(text.find(separator), text.size());
    parts.push_back(text.substr(0, size));
    if (size == text.size()) return parts;
    text.remove_prefix(size + 1);
  }
}

}  // namespace crossover
