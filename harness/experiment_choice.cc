#include "harness/experiment_choice.h"

#include <algorithm>
#include <fstream>

#include "base/error.h"
#include "base/limits.h"

namespace crossover {
namespace {

std::string ReadExperimentFile(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text(limits::kExperimentFileBytesMax + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (!file.eof() || file.bad() || std::filesystem::is_directory(path)) {
    const bool large =
        file.gcount() > static_cast<std::streamsize>(limits::kExperimentFileBytesMax);
    throw UsageError(path.string() + (large ? ": is too large for an experiment file"
                                            : ": cannot be read; name an experiment file, such as "
                                              "harness/experiments/connections.json"));
  }
  text.resize(static_cast<size_t>(file.gcount()));
  return text;
}

void KeepOnly(const std::vector<std::string>& only, Experiment& experiment) {
  if (only.empty()) return;
  std::string labels;
  for (const ArchitectureLevel& each : experiment.architectures) {
    labels += (labels.empty() ? "" : ", ") + each.label;
  }
  std::vector<ArchitectureLevel> kept;
  for (const std::string& wanted : only) {
    const size_t before = kept.size();
    for (const ArchitectureLevel& each : experiment.architectures) {
      if (each.label != wanted && each.name != wanted) continue;
      if (std::ranges::find(kept, each) == kept.end()) kept.push_back(each);
    }
    if (kept.size() == before) {
      throw UsageError("--only: the experiment has no other architecture '" + wanted +
                       "'; it has " + labels);
    }
  }
  experiment.architectures = kept;
}

}  // namespace

Experiment LoadExperiment(const ExperimentChoice& choice, const Programs* programs) {
  std::vector<std::string> known;
  if (programs != nullptr) known = KnownArchitectures(programs->server);
  Experiment experiment =
      ParseExperiment(ReadExperimentFile(choice.file), choice.file.string(), known);
  if (choice.repetitions) experiment.repetitions = *choice.repetitions;
  KeepOnly(choice.only, experiment);
  return experiment;
}

}  // namespace crossover
