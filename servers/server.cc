#include "servers/server.h"

#include "base/error.h"

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
      table_(options.timeouts, context_, counters_),
      listener_(options.listen, options.backlog, table_, counters_),
      architecture_(MakeArchitecture(options)) {}

void Server::Serve() {
  try {
    architecture_->Serve(listener_, counters_);
  } catch (...) {
    Stop();
    architecture_.reset();  // joins its threads, which the drain ends
    throw;
  }
}

void Server::Stop() {
  listener_.Stop();
  table_.Drain();
}

}  // namespace crossover
