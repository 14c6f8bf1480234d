#include "harness/profile/top_table.h"

#include <algorithm>
#include <cstdio>
#include <map>
#include <set>
#include <utility>

namespace crossover {
namespace {

double Percent(uint64_t part, uint64_t whole) {
  return whole == 0 ? 0 : 100.0 * static_cast<double>(part) / static_cast<double>(whole);
}

template <typename... Values>
std::string Text(const char* format, Values... values) {
  char text[128];
  std::snprintf(text, sizeof text, format, values...);
  return text;
}

std::string Shown(const Frame& frame) { return frame.name + (frame.kernel ? " [kernel]" : ""); }

}  // namespace

std::vector<TopRow> TopOf(const Stacks& stacks) {
  std::map<Frame, TopRow> rows;
  for (const auto& [stack, count] : stacks) {
    for (const Frame& frame : std::set<Frame>(stack.begin(), stack.end())) {
      rows[frame].cumulative += count;
    }
    rows[stack.back()].flat += count;
  }
  std::vector<TopRow> top;
  for (auto& [frame, row] : rows) {
    row.frame = frame;
    top.push_back(std::move(row));
  }
  std::ranges::stable_sort(top, [](const TopRow& a, const TopRow& b) {
    return std::pair(a.cumulative, a.flat) > std::pair(b.cumulative, b.flat);
  });
  return top;
}

std::string RenderTop(const std::vector<TopRow>& top, uint64_t samples, double seconds_per_sample,
                      size_t rows, std::string_view title) {
  std::string text = std::string(title) + "\n";
  const auto seconds = [&](uint64_t count) {
    return Text("%9.2fs", static_cast<double>(count) * seconds_per_sample);
  };
  text += Text("%10s %7s %7s %10s %7s  %s\n", "flat", "flat%", "sum%", "cum", "cum%", "function");
  uint64_t sum = 0;
  for (size_t i = 0; i < std::min(rows, top.size()); ++i) {
    const TopRow& row = top[i];
    sum += row.flat;
    text += seconds(row.flat) +
            Text(" %6.2f%% %6.2f%% ", Percent(row.flat, samples), Percent(sum, samples));
    text += seconds(row.cumulative) + Text(" %6.2f%%  ", Percent(row.cumulative, samples));
    text += Shown(row.frame) + "\n";
  }
  return text;
}

std::string RenderTopSideBySide(const std::vector<TopColumn>& columns, size_t rows,
                                std::string_view title) {
  std::map<Frame, std::vector<double>> shares;
  for (size_t column = 0; column < columns.size(); ++column) {
    for (const TopRow& row : *columns[column].top) {
      auto& of_frame = shares[row.frame];
      of_frame.resize(columns.size());
      of_frame[column] = Percent(row.cumulative, columns[column].samples);
    }
  }
  std::vector<std::pair<Frame, std::vector<double>>> lines(shares.begin(), shares.end());
  std::ranges::stable_sort(lines, [](const auto& a, const auto& b) {
    return std::ranges::max(a.second) > std::ranges::max(b.second);
  });
  lines.resize(std::min(rows, lines.size()));
  std::string text = std::string(title) + "\n";
  for (const TopColumn& column : columns) text += Text("%9s", column.head.c_str());
  text += "  function (share of samples, with what it calls)\n";
  for (const auto& [frame, of_frame] : lines) {
    for (const double share : of_frame) text += Text("%8.1f%%", share);
    text += "  " + Shown(frame) + "\n";
  }
  return text;
}

}  // namespace crossover
