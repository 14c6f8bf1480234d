// Rig: this machine set up for single trials, for commands that decide by what one has found which
// one comes next.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "harness/duet/duet.h"
#include "harness/experiment.h"
#include "harness/interrupt.h"
#include "harness/placement.h"
#include "harness/plan.h"
#include "harness/programs.h"
#include "harness/trial_record.h"

namespace crossover {

// Main thread only; one at a time. From its construction on the process keeps to the client's CPUs,
// so that what it does takes no CPU time from the servers; in the end it gets its own back.
class Rig {
 public:
  // Throws UsageError if the placement can't be had.
  Rig(Programs programs, const Placement& placement);
  ~Rig();
  Rig(const Rig&) = delete;
  Rig& operator=(const Rig&) = delete;

  const Programs& programs() const { return programs_; }
  const CpuSets& cpus() const { return cpus_; }
  int interrupt_fd() const { return interrupt_.fd(); }
  int signal() const { return interrupt_.signal(); }  // that asked to stop, or 0

  // One trial without an instrument. Throws UsageError if it doesn't fit on this machine;
  // TrialInterrupted.
  TrialRecord Run(const Experiment& experiment, const PlannedTrial& trial);

  // The duet of the second architecture against the first, with the experiment's first workload and
  // connections. nullopt, and `why`, if two can't be had at a time. Throws TrialFailure if it broke
  // off, and as Run().
  std::optional<DuetOutcome> Duet(const Experiment& experiment, std::string& why);

 private:
  const Programs programs_;
  const std::vector<int> allowed_cpus_;
  const CpuSets cpus_;
  Interrupt interrupt_;
};

}  // namespace crossover
