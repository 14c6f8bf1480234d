// TopTable: the functions of a profile, as `pprof -top -cum` lists them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "harness/profile/stacks.h"

namespace crossover {

struct TopRow {
  Frame frame;
  uint64_t flat = 0;        // samples in the function itself
  uint64_t cumulative = 0;  // and in what it called; a chain counts once, recursive or not
};

// By cumulative samples, most first.
std::vector<TopRow> TopOf(const Stacks& stacks);

// The first `rows` of them, in pprof's columns: flat, flat %, sum %, cum, cum %. `title` is its
// first line.
std::string RenderTop(const std::vector<TopRow>& top, uint64_t samples, double seconds_per_sample,
                      size_t rows, std::string_view title);

// One profile of those that stand side by side.
struct TopColumn {
  std::string head;  // "8,000"
  const std::vector<TopRow>* top;
  uint64_t samples;
};

// Cumulative shares side by side: a line for each of the `rows` functions with the greatest share
// in any of the columns.
std::string RenderTopSideBySide(const std::vector<TopColumn>& columns, size_t rows,
                                std::string_view title);

}  // namespace crossover
