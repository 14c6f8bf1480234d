// LoadLoop where few connections at a time have a request under way, and all of them in their turn:
//
//   idle -> (the longest idle, when one is answered) -> awaiting -> (answered) -> idle
//
// Each response makes room for one request, on another connection. So as many are under way as were
// asked for, however fast the server is, and no connection is left out.
#include "loadgen/load_loop.h"

namespace crossover {

void LoadLoop::Rest(uint32_t index) { idle_[(idle_first_ + idle_count_++) % idle_.size()] = index; }

void LoadLoop::Activate(int64_t now_ns) {
  while (active_ < active_max_ && idle_count_ > 0 && SendsAt(now_ns)) {
    const uint32_t index = idle_[idle_first_];
    idle_first_ = (idle_first_ + 1) % idle_.size();
    --idle_count_;
    if (connections_[index].state != ConnectionState::kIdle) continue;  // lost since
    ++active_;
    connections_[index].due_ns = now_ns;
    SendRequest(index, now_ns);
  }
}

}  // namespace crossover
