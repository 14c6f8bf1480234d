// Preflight: does the experiment fit on this machine? Asked before anything starts, so that a run
// is refused with the remedy rather than fails in the middle.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "harness/experiment.h"
#include "harness/machine_limits.h"

namespace crossover {

// What the largest trial of an experiment takes.
struct Requirements {
  std::string trial;  // which one that is: "thread-per-connection, 16,000 connections"
  int64_t connections = 0;
  int64_t server_threads = 0;
  int64_t client_threads = 0;
  int64_t open_files = 0;       // of one process
  int64_t maps = 0;             // of the server
  int64_t memory_bytes = 0;     // of everything together; an estimate, see preflight.cc
  int64_t backlog = 0;          // connects that may queue at the listener
  int64_t ports_made_anew = 0;  // that closed connections keep in TIME_WAIT; an estimate
  bool isolated = false;        // the placement asks for disjoint CPUs
};

Requirements RequirementsOf(const Experiment& experiment, int64_t allowed_cpus);
// What a duet of its two architectures takes, with all its connections to each.
Requirements RequirementsOfBoth(const Experiment& experiment, int64_t allowed_cpus);

struct Check {
  enum class Result { kOk, kRaised, kWarning, kRefuse };
  std::string name;
  std::string needed;
  std::string found;
  Result result = Result::kOk;
  std::string how_to_fix;  // a command where there is one; empty if ok
};

// Judges every limit. A pure function. kRaised: this process may raise it, and Raise will.
std::vector<Check> JudgeMachine(const Requirements& requirements, const MachineLimits& limits);

bool Refused(const std::vector<Check>& checks);

// Raises for this process and its later children what a process may raise: open files. Nothing that
// holds for the whole system is touched.
void RaiseProcessLimits(const Requirements& requirements);

// A table for people, and the remedies below it. Ends with a newline.
std::string RenderChecks(const Requirements& requirements, const std::vector<Check>& checks);

// The refusals alone, one line: "16,000 connections do not fit: open files ... (fix: ...); ...".
std::string DescribeRefusals(const std::vector<Check>& checks);

}  // namespace crossover
