#include "harness/wording.h"

#include <cmath>
#include <cstdio>

namespace crossover {

std::string IntegerText(int64_t number) {
  const std::string digits = std::to_string(number);
  const size_t sign = number < 0 ? 1 : 0;
  std::string text;
  for (size_t i = 0; i < digits.size(); ++i) {
    if (i > sign && (digits.size() - i) % 3 == 0) text += ',';
    text += digits[i];
  }
  return text;
}

std::string NumberText(double number) {
  const double size = std::abs(number);
  // Larger ones would not fit an integer; they are no plausible measurement, so any form will do.
  if (size >= 999.5 && size < 1e15) return IntegerText(std::llround(number));
  char text[32];
  if (size != 0 && size < 0.0001) {
    std::snprintf(text, sizeof text, "%.1e", number);
  } else if (size < 0.9995) {
    std::snprintf(text, sizeof text, "%.3g", number);
  } else {
    // %g would drop zeros at the end, and with them the precision that a reader infers.
    const int decimals = size < 9.995 ? 2 : size < 99.95 ? 1 : 0;
    std::snprintf(text, sizeof text, "%.*f", decimals, number);
  }
  return text;
}

std::string PercentText(double share) {
  char text[32];
  std::snprintf(text, sizeof text, "%.6g %%", share * 100);
  return text;
}

std::string CountText(size_t count, const std::string& noun) {
  return IntegerText(static_cast<int64_t>(count)) + " " + noun + (count == 1 ? "" : "s");
}

std::string ListText(const std::vector<std::string>& words) {
  std::string text;
  for (size_t i = 0; i < words.size(); ++i) {
    if (i > 0) text += i + 1 == words.size() ? " and " : ", ";
    text += words[i];
  }
  return text;
}

}  // namespace crossover
