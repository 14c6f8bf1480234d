// The two kinds of cold-path failure. Both are caught once, in main: one line on stderr, exit 2.
#pragma once

#include <cerrno>
#include <stdexcept>
#include <string>
#include <system_error>

namespace crossover {

// Something that the user gave or that the machine lacks. The message is one line: what is wrong,
// where, and what to do.
class UsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// Throws std::system_error for `error_number`, `what` naming the call and its object.
[[noreturn]] inline void ThrowErrno(const std::string& what, int error_number = errno) {
  throw std::system_error(error_number, std::generic_category(), what);
}

inline constexpr int kExitFailure = 1;  // it ran, and something in it failed
inline constexpr int kExitUsage = 2;    // it did not run: arguments, files or the machine

}  // namespace crossover
