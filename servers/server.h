// Server: an architecture with what it serves: listener, connections, counters.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "base/limits.h"
#include "servers/architecture.h"
#include "servers/connection.h"
#include "servers/listener.h"

namespace crossover {

struct ServerOptions {
  std::string architecture;
  ListenAddress listen;
  int backlog = limits::kBacklogMax;  // the kernel grants net.core.somaxconn at most
  ArchitectureOptions knobs;
  TimeoutOptions timeouts;
  double slow_down = 0;  // each thread that serves takes so large a share more CPU: slow_down.h
};

class Server {
 public:
  // Listens, and lets the architecture fork. No thread is started yet. Throws UsageError for an
  // unknown architecture (naming those that there are) or an address that can't be had.
  explicit Server(const ServerOptions& options);

  const ServerOptions& options() const { return options_; }
  uint16_t port() const { return listener_.port(); }
  int backlog() const { return listener_.backlog(); }
  Counters::Snapshot counters() const { return counters_->Read(); }
  size_t open() const { return counters_->open.load(std::memory_order_relaxed); }
  // As Architecture's. Any thread.
  std::optional<ServingProcesses> processes() const;

  // Serves until Stop(), drains, and returns. Once, from one thread. What the architecture throws
  // is thrown on, after a drain.
  void Serve();
  // Accepts nothing new and drains. Any thread, any number of times.
  void Stop();

 private:
  const ServerOptions options_;
  const std::shared_ptr<Counters> counters_;
  const std::shared_ptr<SessionContext> context_;
  ConnectionTable table_;
  Listener listener_;
  mutable std::mutex mutex_;  // the pointer: its end against processes()
  std::unique_ptr<Architecture> architecture_;
};

}  // namespace crossover
