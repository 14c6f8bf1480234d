// An architecture as commands take it: "epoll-pool", or with knobs "epoll-pool:workers=4,batch=64".
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "harness/experiment.h"
#include "harness/programs.h"

namespace crossover {

// As an experiment file has it. Throws UsageError for what is not written so; whether there is such
// an architecture or knob is not looked at.
nlohmann::json ParseContender(const std::string& text, const std::string& label);

// Throws UsageError if the server doesn't know one of them. Main thread only.
void RefuseUnknownArchitectures(const Experiment& experiment, const Programs& programs);

}  // namespace crossover
