// What LoadLoop keeps for a trace and for those who follow the run, and hands over to the latter.
#include "base/clock.h"
#include "loadgen/load_loop.h"

namespace crossover {

void LoadLoop::RecordEach(uint32_t index, int64_t done_ns) {
  if (progress_) progress_->Record(done_ns - connections_[index].due_ns);
  if (setting_.options.trace) Trace(index, done_ns);
}

void LoadLoop::PublishProgress(uint32_t asked) {
  progress_told_ = asked;
  if (!progress_) return;
  progress_->Publish(asked, tally_.ledger, awaiting_, MonotonicNs());
  state_.NotifyCoordinator();
}

}  // namespace crossover
