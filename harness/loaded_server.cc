#include "harness/loaded_server.h"

#include <utility>

namespace crossover {

void LoadedServer::StartServer(std::vector<std::string> argv, const std::vector<int>& cpus,
                               int64_t timeout_ns) {
  server_.emplace(
      ChildProcess::Start({.name = server_name_, .argv = std::move(argv), .cpus = cpus}));
  conversation_.Watch(*server_, /*ends_by_itself=*/false);
  const auto ready = conversation_.Await(*server_, "ready", In(timeout_ns));
  try {
    address_ = "http://" + ready.at("address").get<std::string>() + ":" +
               std::to_string(ready.at("port").get<int>());
    server_pid_ = ready.value("pid", server_->pid());
    many_processes_ = ready.value("processes", "one") == "many";
  } catch (const nlohmann::json::exception& error) {
    throw TrialFailure(server_name_ + "'s ready line lacks its address: " + error.what());
  }
}

nlohmann::json LoadedServer::StartLoad(std::vector<std::string> argv, const std::vector<int>& cpus,
                                       int64_t timeout_ns) {
  load_.emplace(ChildProcess::Start({.name = load_name_, .argv = std::move(argv), .cpus = cpus}));
  conversation_.Watch(*load_, /*ends_by_itself=*/true);
  return conversation_.Await(*load_, "connected", In(timeout_ns));
}

nlohmann::json LoadedServer::Counters(int64_t timeout_ns) {
  return conversation_.Ask(*server_, "counters", "counters", In(timeout_ns));
}

ServerProcesses LoadedServer::ListProcesses(int64_t timeout_ns) {
  const auto listed = conversation_.Ask(*server_, "processes", "processes", In(timeout_ns));
  try {
    return {.pids = listed.at("pids").get<std::vector<pid_t>>(),
            .ended = listed.at("ended").get<int64_t>(),
            .time_ns = MonotonicNs()};
  } catch (const nlohmann::json::exception& error) {
    throw TrialFailure(server_name_ + " did not list its processes: " + error.what());
  }
}

nlohmann::json LoadedServer::AwaitResult(int64_t timeout_ns) {
  auto done = conversation_.Await(*load_, "done", In(timeout_ns));
  if (!done.contains("result") || !done["result"].is_object()) {
    throw TrialFailure(load_name_ + "'s last line carries no result");
  }
  return std::move(done["result"]);
}

void LoadedServer::AwaitLoadEnd(int64_t timeout_ns) {
  conversation_.Unwatch(*load_);
  const auto status = load_->Wait(In(timeout_ns));
  if (!status) throw TrialFailure(load_name_ + " did not end after its result");
  // Status 1 says that requests failed: the verdict looks at that itself.
  if (status->signal != 0 || status->code > 1) {
    throw TrialFailure(DescribeEnd(*load_, *status, "ending"));
  }
}

nlohmann::json LoadedServer::StopServer(int64_t timeout_ns) {
  auto final = conversation_.Ask(*server_, "stop", "done", In(timeout_ns));
  conversation_.Unwatch(*server_);
  const auto status = server_->Wait(In(timeout_ns));
  if (!status) throw TrialFailure(server_name_ + " did not end after its last line");
  if (!status->Success()) throw TrialFailure(DescribeEnd(*server_, *status, "stopping"));
  return final;
}

}  // namespace crossover
