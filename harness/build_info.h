// BuildInfo: how these programs were built. The only file that is compiled with those facts.
#pragma once

#include <string_view>

namespace crossover {

struct BuildInfo {
  std::string_view version;     // "0.1.0"
  std::string_view compiler;    // "g++ 12.2.0"
  std::string_view flags;       // "-O2 -g1 -fno-omit-frame-pointer"
  std::string_view build_type;  // "Release"
  std::string_view sanitizers;  // "address,undefined", or ""
  std::string_view boost;       // "1.81"
  std::string_view liburing;    // "2.3", or "" if unknown
};

const BuildInfo& ThisBuild();

}  // namespace crossover
