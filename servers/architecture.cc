#include "servers/architecture.h"

#include <array>

namespace crossover {

#define ARCHITECTURE(name, factory, summary) \
  std::unique_ptr<Architecture> factory(const ArchitectureOptions& options);
#include "servers/architectures.def"
#undef ARCHITECTURE

std::span<const ArchitectureEntry> Architectures() {
#define ARCHITECTURE(name, factory, summary) ArchitectureEntry{name, summary, &factory},
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
