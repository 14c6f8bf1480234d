#include "servers/architecture.h"

#include <array>

#include "base/cpu_list.h"

namespace crossover {

#define ARCHITECTURE(name, factory, threads, knobs, summary) \
  std::unique_ptr<Architecture> factory(const ArchitectureOptions& options);
#include "servers/architectures.def"
#undef ARCHITECTURE

size_t WorkerCount(const ArchitectureOptions& options) {
  return options.workers > 0 ? options.workers : AllowedCpus().size();
}

std::span<const ArchitectureEntry> Architectures() {
#define ARCHITECTURE(name, factory, threads, knobs, summary) \
  ArchitectureEntry{name, ThreadUse::threads, knobs, summary, &factory},
  static constexpr std::array kAll = {
#include "servers/architectures.def"
  };
#undef ARCHITECTURE
  return kAll;
}

const ArchitectureEntry* FindArchitecture(std::string_view name) {
  for (const ArchitectureEntry& entry : Architectures()) {
    if (entry.name == name) return &entry;
  }
  return nullptr;
}

}  // namespace crossover
