#include "base/header_scan.h"

#include <algorithm>

namespace crossover {

size_t HeaderScan::End(std::string_view bytes) {
  constexpr std::string_view kEnd = "\r\n\r\n";
  const size_t end = bytes.find(kEnd, searched_);
  if (end != std::string_view::npos) return end + kEnd.size();
  searched_ = bytes.size() - std::min(bytes.size(), kEnd.size() - 1);
  return 0;
}

size_t HeaderScan::Parsable(std::string_view bytes) {
  const size_t first_line = bytes.find('\n') + 1;  // 0 if it is not there
  for (size_t begin = bytes.rfind('\n') + 1; begin > first_line;
       begin = bytes.rfind('\n', begin - 2) + 1) {
    const bool known = begin < bytes.size() && bytes[begin] != ' ' && bytes[begin] != '\t';
    if (known) return begin + 1;
  }
  return first_line;
}

}  // namespace crossover
