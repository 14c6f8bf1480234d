// IntervalTeller: asks the loops of a run for their progress, and tells whoever follows it.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "loadgen/load_generator.h"
#include "loadgen/load_loop.h"
#include "loadgen/run_state.h"

namespace crossover {

// The coordinator's thread. What it is given outlives it. Does nothing unless `followed`.
class IntervalTeller {
 public:
  IntervalTeller(const LoadOptions& options, const LoadControl& control, RunState& state,
                 const std::vector<std::unique_ptr<LoadLoop>>& loops, bool followed)
      : period_ns_(options.interval_ns),
        control_(control),
        state_(state),
        loops_(loops),
        followed_(followed) {}

  // A phase begins, and with it an interval.
  void Begin(LoadInterval::Phase phase, int64_t begin_ns);
  // Tells of the interval if its time is up, or of a longer one the next time, if the loops don't
  // answer by `deadline_ns`. Whether it did anything: that takes its time, and may have taken a
  // notification of the coordinator.
  bool TellIfDue(int64_t now_ns, int64_t deadline_ns);
  // When the interval is up; RunState::kNever if none will be.
  int64_t due_ns() const { return due_ns_; }
  // Tells of what there is since the last interval. Blocks until the loops have answered.
  void TellRest();

 private:
  bool AllPublished(uint32_t asked) const;
  bool Ask(int64_t deadline_ns);
  void Tell();

  const int64_t period_ns_;
  const LoadControl& control_;
  RunState& state_;
  const std::vector<std::unique_ptr<LoadLoop>>& loops_;
  const bool followed_;
  int64_t due_ns_ = RunState::kNever;
  LoadInterval last_;
};

}  // namespace crossover
