#include "servers/costs/request_server.h"

#include <algorithm>

#include "base/error.h"

namespace crossover {
namespace {

constexpr size_t kFirstRequests = 64;  // at a time

}  // namespace

RequestServer::Round RequestServer::Serve(size_t next) {
  if (!failure_.empty()) throw UsageError(failure_);  // with requests that nobody answers
  const size_t due = set_.peer().allowed() - allowed_before_;
  const size_t before = served_;
  set_.peer().AwaitSent();
  set_.peer().Allow(next);
  const Stopwatch stopwatch;
  while (served_ < due && failure_.empty()) Turn();
  const int64_t ns = stopwatch.ElapsedNs();
  if (!failure_.empty()) throw UsageError(failure_);
  set_.NoteServed(served_ - before);
  return {served_ - before, ns};
}

void RequestServer::ServeAllOnce() {
  for (size_t left = set_.size(); left > 0; left -= std::min(left, kFirstRequests)) {
    set_.peer().Allow(std::min(left, kFirstRequests));
    Serve(0);
  }
}

}  // namespace crossover
