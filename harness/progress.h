// Progress: what runs now, how far the run is, and how long it will still take.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <ostream>
#include <string>
#include <string_view>

#include "harness/experiment.h"
#include "harness/plan.h"
#include "harness/trial_record.h"

namespace crossover {

// On a terminal one live line is rewritten in place, and a plain line for each finished trial
// scrolls above it; elsewhere only the plain lines appear. One thread.
class Progress {
 public:
  using Clock = std::function<int64_t()>;  // nanoseconds, monotonic

  // `out` must outlive it; so must `experiment` and `plan`. `columns`: width of the terminal.
  Progress(std::ostream& out, bool terminal, int columns, const Experiment& experiment,
           const Plan& plan, Clock clock);
  ~Progress();  // leaves the cursor on a fresh line

  // A trial that needs no running any more: --resume found its record.
  void Skip(const TrialRecord& record) { Learn(record); }
  void Begin(const PlannedTrial& trial);
  void Stage(std::string_view stage);
  void Tick();  // redraws the live line, for the clock
  void End(const TrialRecord& record);

  // "[ 7/45] rep 2/5  epoll-pool  8,000 connections  measuring   elapsed 1 m 10 s  left about
  // 6 m 20 s"
  std::string LiveLine() const;
  double SecondsLeft() const;

 private:
  struct Level {
    double seconds = 0;
    size_t trials = 0;
  };
  void Learn(const TrialRecord& record);
  void Draw();
  void Erase();
  std::string Where(const PlannedTrial& trial) const;

  std::ostream& out_;
  const bool terminal_;
  const int columns_;
  const Experiment& experiment_;
  const Plan& plan_;
  Clock clock_;
  const int64_t start_ns_;
  int64_t trial_start_ns_;
  const PlannedTrial* trial_ = nullptr;
  std::string stage_;
  bool drawn_ = false;
  std::map<size_t, bool> done_;      // by index in the plan
  std::map<int64_t, Level> levels_;  // by connections: what its finished trials took
};

// The headline of a finished trial: "186,012 requests/s  5.2 us CPU  0.31 switches  p99 12.3 ms
// valid".
std::string Headline(const TrialRecord& record);

}  // namespace crossover
