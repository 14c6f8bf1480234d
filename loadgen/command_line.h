// The command line of crossover-load.
#pragma once

#include <optional>
#include <string>

#include "loadgen/calibrate.h"
#include "loadgen/load_generator.h"

namespace crossover {

struct CommandLine {
  LoadOptions load;
  // Instead of `load`, and with nothing else but json_path.
  std::optional<CalibrationOptions> calibration;
  std::string hgrm_path;   // empty: none
  std::string trace_path;  // empty: none
  std::string json_path;   // empty: none; "-": standard output
  bool events = false;
  bool slices = false;       // with events
  std::optional<bool> live;  // none: if there is a terminal, and people read the output
  bool help = false;
  std::string help_text;
};

// Throws UsageError, one line, for what can't be understood.
CommandLine ParseCommandLine(int argc, const char* const* argv);

}  // namespace crossover
