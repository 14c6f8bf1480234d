// RequestMix: which request a connection sends next, if there are several.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "loadgen/request.h"

namespace crossover {

// One of the requests of a run, and how often it is sent: `weight` of the sum of all weights.
struct Target {
  std::string path;  // and query
  Method method = Method::kGet;
  std::string body;  // of a POST
  double weight = 1;
};

// The targets in a file of JSON (docs/load-generator.md, "Several requests"). Throws UsageError of
// one line that names `path`, the place in it and what to do.
std::vector<Target> ReadTargets(const std::string& path);
// Likewise, of the file's text.
std::vector<Target> ParseTargets(std::string_view text, std::string_view source);

// Immutable; any thread. A request is told by its kind: the target's number, or, if it asks the
// server to close the connection, that number plus targets().
class RequestMix {
 public:
  // `targets`: 1 to limits::kTargetsMax. `seed`: of what is picked.
  RequestMix(const std::string& authority, const std::vector<Target>& targets, uint64_t seed);

  size_t targets() const { return requests_.size() / 2; }
  size_t kinds() const { return requests_.size(); }
  size_t LongestBytes() const;
  const Request& at(size_t kind) const { return requests_[kind]; }
  // The target of request k of connection i.
  uint16_t Pick(uint64_t i, uint64_t k) const {
    return cumulated_weights_.size() == 1 ? 0 : PickOfSeveral(i, k);
  }

 private:
  uint16_t PickOfSeveral(uint64_t i, uint64_t k) const;

  std::vector<Request> requests_;
  std::vector<double> cumulated_weights_;  // the last is 1
  const uint64_t seed_;
};

}  // namespace crossover
