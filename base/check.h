// CHECK(condition): a programmer's promise, verified in every build. Aborts with the expression and
// its place. For errors that a user or the machine can cause, see error.h.
#pragma once

#include <cstdio>
#include <cstdlib>

namespace crossover {

[[noreturn]] inline void CheckFailed(const char* expression, const char* file, int line) {
  std::fprintf(stderr, "%s:%d: CHECK failed: %s\n", file, line, expression);
  std::abort();
}

}  // namespace crossover

#define CHECK(condition) \
  ((condition) ? (void)0 : ::crossover::CheckFailed(#condition, __FILE__, __LINE__))
