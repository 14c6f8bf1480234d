// LoadedServer: a server and the load generator that is connected to it, as two children.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "harness/conversation.h"
#include "harness/probe.h"

namespace crossover {

// Main thread only (see ChildProcess). What goes wrong is thrown as by Conversation, which outlives
// it and is not used any more once it has gone. Both children are killed with it, unless they were
// seen to end. Timeouts are from the call on, in nanoseconds.
class LoadedServer {
 public:
  // `which`: " of epoll-pool", for messages where there are several; may be empty.
  explicit LoadedServer(Conversation& conversation, const std::string& which = {})
      : conversation_(conversation),
        server_name_("the server" + which),
        load_name_("the load generator" + which) {}
  LoadedServer(const LoadedServer&) = delete;
  LoadedServer& operator=(const LoadedServer&) = delete;

  // Until it listens.
  void StartServer(std::vector<std::string> argv, const std::vector<int>& cpus, int64_t timeout_ns);
  // Until it has connected; returns what it said then.
  nlohmann::json StartLoad(std::vector<std::string> argv, const std::vector<int>& cpus,
                           int64_t timeout_ns);

  // Of the server, once it listens.
  const std::string& address() const { return address_; }  // "http://127.0.0.1:8080"
  pid_t server_pid() const { return server_pid_; }         // behind a launcher as well
  bool many_processes() const { return many_processes_; }
  nlohmann::json Counters(int64_t timeout_ns);
  ServerProcesses ListProcesses(int64_t timeout_ns);

  ChildProcess& load() { return *load_; }
  // The result that its "done" carries; the end of its process then follows.
  nlohmann::json AwaitResult(int64_t timeout_ns);
  void AwaitLoadEnd(int64_t timeout_ns);
  // Until it has ended; returns its last line.
  nlohmann::json StopServer(int64_t timeout_ns);

 private:
  static int64_t In(int64_t ns) { return MonotonicNs() + ns; }

  Conversation& conversation_;
  const std::string server_name_;
  const std::string load_name_;
  std::optional<ChildProcess> server_;
  std::optional<ChildProcess> load_;
  std::string address_;
  pid_t server_pid_ = -1;
  bool many_processes_ = false;
};

}  // namespace crossover
