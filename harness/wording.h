// Numbers and lists as people read them, for notes and summaries.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace crossover {

// "16,000".
std::string IntegerText(int64_t number);

// About three significant digits: "0.0123", "1.84", "12.3", "184", "16,384".
std::string NumberText(double number);

// 0.03 is "3 %", 0.005 "0.5 %".
std::string PercentText(double share);

// "1 trial", "12 trials".
std::string CountText(size_t count, const std::string& noun);

// "a", "a and b", "a, b and c".
std::string ListText(const std::vector<std::string>& words);

}  // namespace crossover
