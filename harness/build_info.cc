#include "harness/build_info.h"

namespace crossover {
namespace {

#if defined(__clang__)
constexpr std::string_view kCompiler = "clang++ " __clang_version__;
#else
constexpr std::string_view kCompiler = "g++ " __VERSION__;
#endif

}  // namespace

const BuildInfo& ThisBuild() {
  static constexpr BuildInfo kBuild{.version = CROSSOVER_VERSION,
                                    .compiler = kCompiler,
                                    .flags = CROSSOVER_FLAGS,
                                    .build_type = CROSSOVER_BUILD_TYPE,
                                    .sanitizers = CROSSOVER_SANITIZERS,
                                    .boost = CROSSOVER_BOOST,
                                    .liburing = CROSSOVER_LIBURING};
  return kBuild;
}

}  // namespace crossover
