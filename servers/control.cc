#include "servers/control.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <csignal>
#include <exception>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <system_error>
#include <thread>

#include "base/clock.h"
#include "base/cpu_list.h"
#include "base/error.h"
#include "base/ndjson.h"
#include "base/open_files.h"

namespace crossover {
namespace {

using nlohmann::json;

int64_t ThreadCount() {
  std::ifstream status("/proc/self/status");
  std::string word;
  while (status >> word) {
    int64_t count = 0;
    if (word == "Threads:" && status >> count) return count;
  }
  return -1;
}

int64_t Microseconds(const timeval& time) {
  return int64_t{time.tv_sec} * 1'000'000 + time.tv_usec;
}

json ResourceUsage() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return {{"user_us", Microseconds(usage.ru_utime)}, {"system_us", Microseconds(usage.ru_stime)},
          {"voluntary_switches", usage.ru_nvcsw},    {"involuntary_switches", usage.ru_nivcsw},
          {"minor_faults", usage.ru_minflt},         {"major_faults", usage.ru_majflt}};
}

// With what getrusage tells of this process, unless others serve: it tells nothing of them.
json CountersLine(const Server& server, const char* event) {
  const Counters::Snapshot counters = server.counters();
  const auto processes = server.processes();
  const int64_t others = processes ? static_cast<int64_t>(processes->pids.size()) : 0;
  json line = {{"event", event},
               {"time_ns", MonotonicNs()},
               {"requests", counters.requests},
               {"protocol_errors", counters.protocol_errors},
               {"accepted", counters.accepted},
               {"open", server.open()},
               {"accept_errors", counters.accept_errors},
               {"rejected", counters.rejected},
               {"thread_failures", counters.thread_failures},
               {"timeouts", counters.timeouts},
               {"threads", ThreadCount() + others}};
  if (!processes) line["rusage"] = ResourceUsage();
  return line;
}

json ProcessesLine(const Server& server) {
  ServingProcesses processes = server.processes().value_or(ServingProcesses{});
  processes.pids.insert(processes.pids.begin(), getpid());
  return {{"event", "processes"}, {"pids", processes.pids}, {"ended", processes.ended}};
}

json ReadyLine(const Server& server) {
  return {{"event", "ready"},
          {"architecture", server.options().architecture},
          {"address", server.options().listen.host},
          {"port", server.port()},
          {"pid", getpid()},
          {"processes", server.processes() ? "many" : "one"},
          {"backlog", server.backlog()},
          {"open_files_limit", GetOpenFilesLimit().soft},
          {"time_ns", MonotonicNs()}};
}

// One command. The answer goes to stdout; that nobody reads it any more is no reason to stop.
void Obey(const std::string& line, Server& server) {
  const json command = json::parse(line, nullptr, false);
  const json name = command.is_object() ? command.value("command", json()) : json();
  if (name == "counters") {
    WriteJsonLine(STDOUT_FILENO, CountersLine(server, "counters"));
  } else if (name == "processes") {
    WriteJsonLine(STDOUT_FILENO, ProcessesLine(server));
  } else if (name == "stop") {
    server.Stop();
  } else {
    WriteJsonLine(STDOUT_FILENO, {{"event", "error"},
                                  {"message", "not a command: '" + line +
                                                  "'; there are counters, processes and stop"}});
  }
}

// Until the serving thread is through.
void ControlLoop(Server& server, int signals, int served) {
  LineReader input(STDIN_FILENO);
  pollfd fds[3] = {{served, POLLIN, 0}, {signals, POLLIN, 0}, {STDIN_FILENO, POLLIN, 0}};
  if (isatty(STDIN_FILENO)) fds[2].fd = -1;
  while (true) {
    if (::poll(fds, 3, -1) < 0) {
      if (errno == EINTR) continue;
      ThrowErrno("poll");
    }
    if (fds[0].revents != 0) return;
    if (fds[1].revents != 0) {
      signalfd_siginfo info;
      if (::read(signals, &info, sizeof info) == sizeof info) server.Stop();
    }
    if (fds[2].revents == 0) continue;
    std::string line;
    LineReader::Status status = LineReader::Status::kTimeout;
    while ((status = input.Next(line, 0)) == LineReader::Status::kLine) Obey(line, server);
    if (status == LineReader::Status::kEnd) fds[2].fd = -1;
  }
}

void KeepTo(const std::vector<int>& cpus) {
  if (cpus.empty()) return;
  const int error_number = SetAffinity(0, cpus);
  if (error_number == 0) return;
  throw UsageError("--control-cpus: may not run on " + FormatCpuList(cpus) + ": " +
                   std::generic_category().message(error_number));
}

}  // namespace

void ServeWithControl(const ServerOptions& options, const std::vector<int>& control_cpus) {
  std::signal(SIGPIPE, SIG_IGN);
  sigset_t stop_signals;
  sigemptyset(&stop_signals);
  sigaddset(&stop_signals, SIGTERM);
  sigaddset(&stop_signals, SIGINT);
  if (pthread_sigmask(SIG_BLOCK, &stop_signals, nullptr) != 0) ThrowErrno("pthread_sigmask");
  Server server(options);  // its threads inherit the mask
  const Fd signals(signalfd(-1, &stop_signals, SFD_CLOEXEC));
  const Fd served(eventfd(0, EFD_CLOEXEC));
  if (!signals || !served) ThrowErrno("signalfd");

  std::exception_ptr failure;
  std::thread serving([&] {
    try {
      server.Serve();
    } catch (...) {
      failure = std::current_exception();
    }
    eventfd_write(served.get(), 1);
  });
  try {
    KeepTo(control_cpus);  // what serves has begun by now, and keeps its own for all that it starts
    WriteJsonLine(STDOUT_FILENO, ReadyLine(server));
    ControlLoop(server, signals.get(), served.get());
  } catch (...) {
    server.Stop();
    serving.join();
    throw;
  }
  serving.join();
  if (failure) std::rethrow_exception(failure);
  WriteJsonLine(STDOUT_FILENO, CountersLine(server, "done"));
}

}  // namespace crossover
