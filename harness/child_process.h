// ChildProcess: one program that this one started, and that never outlives it.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/ndjson.h"

namespace crossover {

struct ExitStatus {
  int code = 0;    // valid if signal is 0
  int signal = 0;  // that killed it, or 0
  bool Success() const { return signal == 0 && code == 0; }
  // "exit status 3", "killed by signal 9 (Killed)"
  std::string Describe() const;
};

// What to start, and how.
struct ChildCommand {
  std::string name;               // for messages: "the server"
  std::vector<std::string> argv;  // a launcher's words first, if there is one
  std::vector<int> cpus;          // affinity, set before exec; empty: inherited
};

// Not thread-safe. Start it from the thread that lives as long as the program: the kernel kills the
// child when the thread that started it ends (PR_SET_PDEATHSIG), which is how nothing is left
// behind even if this process is killed outright. It covers the program itself and not what a
// launcher starts in turn; the child leads a process group of its own, and Stop reaches all of it.
class ChildProcess {
 public:
  // Starts the program with pipes to its stdin and from its stdout; its stderr goes to a file in
  // memory. Nothing else is inherited, signals are at their defaults. Throws std::system_error with
  // one line if it cannot be started, including when exec itself fails.
  static ChildProcess Start(const ChildCommand& command);

  ChildProcess(ChildProcess&& other) noexcept;
  ChildProcess& operator=(ChildProcess&&) = delete;
  ~ChildProcess();  // kills it if it still runs

  const std::string& name() const { return name_; }
  pid_t pid() const { return pid_; }
  // Readable (in poll) once the child has ended. Owned by this object.
  int exit_fd() const { return pidfd_.get(); }
  int output_fd() const { return output_.get(); }
  LineReader& lines() { return lines_; }

  // Sends one line. False if the child no longer reads.
  bool Send(const nlohmann::json& value);
  void CloseInput() { input_.Reset(); }

  // Its exit status, or nullopt if MonotonicNs() reached `deadline_ns` first (past: only looks).
  std::optional<ExitStatus> Wait(int64_t deadline_ns);

  // SIGTERM to its group, SIGKILL when it has not ended after `grace_ns`. Returns how it ended.
  ExitStatus Stop(int64_t grace_ns);

  // The last `bytes_max` bytes that it wrote to stderr.
  std::string StderrTail(size_t bytes_max = 4096) const;
  // The last line of it that is not empty, or "".
  std::string LastStderrLine() const;

 private:
  ChildProcess(std::string name, pid_t pid, Fd pidfd, Fd input, Fd output, Fd errors);
  void Signal(int signal) const;

  std::string name_;
  pid_t pid_;
  Fd pidfd_;
  Fd input_;
  Fd output_;
  Fd errors_;
  LineReader lines_;
  std::optional<ExitStatus> status_;
};

}  // namespace crossover
