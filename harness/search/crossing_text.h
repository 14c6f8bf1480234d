// What a search for crossings found, in words.
#pragma once

#include <string>
#include <string_view>

#include "harness/search/crossing_search.h"

namespace crossover {

struct CrossingNames {
  std::string first;
  std::string second;
  std::string noun;  // "CPU per request"
  std::string unit;  // of the axis: "connections"
};

// "thread-per-connection has the lower CPU per request up to 12 connections, epoll-pool from 20 on;
// the order flips near 15.", one line for each crossing, or why there is none. Ends with a newline.
// Pure.
std::string RenderCrossings(const CrossingSearch& search, const CrossingNames& names);

}  // namespace crossover
