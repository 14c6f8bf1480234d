// LoadLoop in slices: the window is open all the time, and what bounds the sending is the slice.
//
//   idle -> (a slice begins) -> loaded -> (its end) -> what is in flight is awaited -> idle
#include "base/clock.h"
#include "loadgen/load_loop.h"

namespace crossover {

void LoadLoop::LookAtSlices() {
  if (stage_ == Stage::kConnect) return;
  const uint32_t begun = state_.slices_begun.load(std::memory_order_acquire);
  if (begun != slices_begun_) {
    slices_begun_ = begun;
    BeginSlice();
  }
  if (slices_.drained.load(std::memory_order_relaxed) == begun) return;
  if (awaiting_ == 0 && !SendsAt(MonotonicNs())) ReportDrained(begun);
}

void LoadLoop::BeginSlice() {
  if (bounds_activity()) return Activate(MonotonicNs());
  for (uint32_t index = 0; index < connections_.size(); ++index) {
    if (!AwaitsItsTurn(index)) continue;
    const int64_t now_ns = MonotonicNs();
    connections_[index].due_ns = now_ns;
    Dispatch(index, now_ns);
  }
}

void LoadLoop::ReportDrained(uint32_t slices) {
  slices_.errors.store(tally_.ledger.errors(), std::memory_order_relaxed);
  slices_.drained.store(slices, std::memory_order_release);
  state_.NotifyCoordinator();
}

}  // namespace crossover
