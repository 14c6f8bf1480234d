// Instrument: what looks into the server in a trial of its own, too closely for the trial's
// throughput to count. It is switched on and off in turns, so that what it costs is known.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "harness/experiment.h"

namespace crossover {

// A stretch of the window, from one switch of the instrument to the next.
struct InstrumentSlice {
  bool on = false;
  bool counters = false;  // the throughput pass's counters were read in it
  int64_t begin_ns = 0;   // CLOCK_MONOTONIC
  int64_t end_ns = 0;
  double cpu_ns = 0;    // that the server took in it; negative: not known
  double requests = 0;  // verified in it
};

struct InstrumentTarget {
  pid_t server_pid = -1;
  std::vector<int> server_cpus;
  std::vector<int> client_cpus;
  InstrumentSettings settings;
};

// What Finish() leaves: the record's part, and a file to keep beside it.
struct Findings {
  nlohmann::json record = nlohmann::json::object();
  std::string file_suffix;  // ".folded", or empty: no file
  std::string file_text;
};

// One trial, one thread.
class Instrument {
 public:
  virtual ~Instrument() = default;
  // Empty, or the reason why the instrument can't be had; then nothing else is called.
  virtual std::string Open(const InstrumentTarget& target) = 0;
  // True: on in every other slice. False: on in one stretch, half the window, for what must be
  // followed through time; as long a wait as the stretch is not seen to end.
  virtual bool in_turns() const { return true; }
  virtual void Enable() = 0;
  virtual void Disable() = 0;
  // A slice in which it was on has ended, and the next may follow: takes what would fill its
  // buffers.
  virtual void Collect() {}
  // Once it is off for good. `server`: the server's processes, sorted; `slices`: those in which it
  // was on.
  virtual Findings Finish(const std::vector<pid_t>& server,
                          const std::vector<InstrumentSlice>& slices) = 0;
};

std::unique_ptr<Instrument> MakeInstrument(Pass pass);

nlohmann::json ToJson(const InstrumentSlice& slice);

}  // namespace crossover
