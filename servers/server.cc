#include "servers/server.h"

#include "base/error.h"
#include "base/shared_memory.h"

namespace crossover {
namespace {

std::unique_ptr<Architecture> MakeArchitecture(const ServerOptions& options) {
  const ArchitectureEntry* const entry = FindArchitecture(options.architecture);
  if (entry != nullptr) return entry->make(options.knobs);
  std::string names;
  for (const ArchitectureEntry& known : Architectures()) {
    names += names.empty() ? "" : ", ";
    names += known.name;
  }
  throw UsageError("--architecture: there is no '" + options.architecture + "'; choose one of " +
                   names);
}

}  // namespace

Server::Server(const ServerOptions& options)
    : options_(options),
      counters_(MakeSharedWithForks<Counters>()),
      context_(MakeSharedWithForks<SessionContext>()),
      table_(options.timeouts, *context_, *counters_),
      listener_(options.listen, options.backlog, table_, *counters_),
      architecture_(MakeArchitecture(options)) {
  context_->slow_down = options.slow_down;
  architecture_->Prepare(listener_, *counters_);
}

std::optional<ServingProcesses> Server::processes() const {
  const std::lock_guard lock(mutex_);
  return architecture_ ? architecture_->processes() : std::nullopt;
}

void Server::Serve() {
  try {
    table_.StartWatching();
    architecture_->Serve(listener_, *counters_);
  } catch (...) {
    Stop();
    const std::lock_guard lock(mutex_);
    architecture_.reset();  // joins its threads, which the drain ends
    throw;
  }
}

void Server::Stop() {
  listener_.Stop();
  table_.Drain();
}

}  // namespace crossover
