// Trial: one cell, one repetition: start the server, connect, warm up, measure, drain, stop.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "harness/experiment.h"
#include "harness/placement.h"
#include "harness/plan.h"
#include "harness/trial_record.h"

namespace crossover {

// How long each step may take before the trial counts as failed. Generous: a limit here is for what
// hangs, not for what is slow.
struct TrialDeadlines {
  int64_t ready_ns = 0;      // start of the server to "ready"
  int64_t connected_ns = 0;  // start of the load generator to "connected"
  int64_t measuring_ns = 0;  // "go" to "measuring"
  int64_t measured_ns = 0;   // "measuring" to "measured"
  int64_t done_ns = 0;       // "measured" to "done", and to the end of the process
  int64_t counters_ns = 0;   // a command to the server to its answer
  int64_t stop_ns = 0;       // "stop" to "done", and to the end of the server
};

TrialDeadlines DeadlinesFor(const Experiment& experiment, const PlannedTrial& trial);

struct TrialSetup {
  const Experiment& experiment;
  const PlannedTrial& trial;
  std::string server_program;
  std::string load_program;
  CpuSets cpus;
  std::filesystem::path directory;  // where an instrument's files go; must be there
  TrialDeadlines deadlines;
  std::vector<CanaryReading> canary_history;             // of the run's earlier trials
  std::optional<double> capacity_rps;                    // see RateRps
  int interrupt_fd = -1;                                 // readable: abandon the trial; -1: none
  std::function<void(std::string_view stage)> on_stage;  // "connecting"; may be empty
  std::function<void()> on_tick;                         // about once a second; may be empty
};

// Command lines, launcher first. Pure.
std::vector<std::string> ServerCommand(const TrialSetup& setup);
std::vector<std::string> LoadCommand(const TrialSetup& setup, const std::string& url);

// Runs the trial and returns its record. What goes wrong in it (a child that dies, hangs or says
// nonsense) is not thrown: the record is then invalid, with the reason. Leaves no child behind in
// any case. Throws TrialInterrupted if the interrupt came, std::system_error if a program cannot
// be started at all. Call it on the main thread (see ChildProcess).
TrialRecord RunTrial(const TrialSetup& setup);

// "2026-11-22T22:00:00Z"
std::string UtcNow();

}  // namespace crossover
