// What every architecture must say to what clients do: dialogues, with each byte of the answers.
#pragma once

#include <string>
#include <vector>

namespace crossover {

struct ConformanceStep {
  enum class What {
    kClient,     // the client sends `bytes`
    kServer,     // the client waits for `bytes`: all that the server says, with its dates blanked
    kSome,       // the client waits for any byte
    kHalfClose,  // the client shuts down its sending side
    kClose,      // the client closes
    kReset,      // the client closes with a reset
  };
  What what;
  std::string bytes = {};
};

struct ConformanceCase {
  enum class End {
    kOpen,    // the server says nothing more, and takes another request
    kClosed,  // the server closes
    kGone,    // the client has closed
  };
  std::string name;
  std::vector<ConformanceStep> steps;
  End end = End::kOpen;
};

// Made when first asked for; any thread.
const std::vector<ConformanceCase>& ConformanceCases();

}  // namespace crossover
