// prefork
//
//   server --fork--> parent --fork--> worker: [ accept -> [ recv -> session -> send ]* -> close ]*
//                      ^ <----call--- worker: accept ...      (fewer than 5 are without connection)
//
// A process for each connection, and no threads. Workers block in accept on one inherited socket;
// the kernel wakes the one that has waited longest, and it serves that connection, blocking, until
// it closes. A parent keeps workers ready: at fewer than 5 without a connection it forks 1, 2, 4,
// at most 32 at once; of more than 10 it lets those go that two looks in a row found idle. A
// request costs what it costs in thread-per-connection, a wake-up and two switches, only that a
// switch between processes changes the address space too. A connection costs a process: page tables
// and what it writes of the parent's memory, several times a thread's; a fork when none is ready.
// At the limit
// (--workers-max, or the system's) connections wait in the backlog, unanswered. A handler that
// blocks or crashes takes its own connection with it alone.
// In production: Apache's prefork MPM (spare workers, doubling), PostgreSQL, whose postmaster forks
// at each connection. NCSA httpd, 1995.
// How timeouts and the drain reach other processes: docs/decisions/0008-processes.md.

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <exception>
#include <fstream>
#include <stdexcept>
#include <string>

#include "base/error.h"
#include "servers/architecture.h"
#include "servers/handler.h"
#include "servers/prefork_board.h"
#include "servers/prefork_parent.h"

namespace crossover {
namespace {

// More processes than that there can't be.
size_t PidMax() {
  size_t value = 4 * 1024 * 1024;  // the kernel's own limit
  std::ifstream("/proc/sys/kernel/pid_max") >> value;
  return value;
}

// What the parent does first in its process.
void BecomeParent(pid_t server) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != server) ::_exit(0);
  // The server decides when they end, also if a terminal tells all of them; and what it says and
  // hears is not theirs.
  std::signal(SIGINT, SIG_IGN);
  std::signal(SIGTERM, SIG_IGN);
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGCHLD, SIG_DFL);
  const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  ::dup2(null, STDIN_FILENO);
  ::dup2(null, STDOUT_FILENO);
  ::close(null);
}

[[noreturn]] void RunParent(pid_t server, Listener& listener, Counters& counters,
                            PreforkBoard& board) {
  int status = 0;
  try {
    BecomeParent(server);
    PreforkParent(listener, counters, board).Run();
  } catch (const std::exception& error) {
    const std::string line = "prefork's parent: " + std::string(error.what()) + "\n";
    status = ::write(STDERR_FILENO, line.data(), line.size()) > 0 ? 1 : 2;
  }
  ::_exit(status);
}

class Prefork : public Architecture {
 public:
  explicit Prefork(const ArchitectureOptions& options)
      : board_(std::min(options.workers_max, PidMax())) {}

  // The workers die with their parent.
  ~Prefork() override {
    if (parent_ <= 0) return;
    ::kill(parent_, SIGKILL);
    AwaitParent();
  }

  void Prepare(Listener& listener, Counters& counters) override {
    PrepareHandler();
    listener.BlockInAccept(true);
    // Were it ignored, the kernel would not tell how the parent ended.
    std::signal(SIGCHLD, SIG_DFL);
    const pid_t server = ::getpid();
    parent_ = ::fork();
    if (parent_ == 0) RunParent(server, listener, counters, board_);
    if (parent_ < 0) ThrowErrno("prefork: fork");
    parent_on_board_ = parent_;
  }

  void Serve(Listener& /*listener*/, Counters& /*counters*/) override {
    board_.shared().serving.store(true);
    board_.CallParent();
    const int status = AwaitParent();
    if (status == 0) return;
    throw std::runtime_error("prefork: the parent of the workers " +
                             (WIFSIGNALED(status)
                                  ? "was killed by signal " + std::to_string(WTERMSIG(status))
                                  : "failed, for what it said before"));
  }

  std::optional<ServingProcesses> processes() const override {
    ServingProcesses all = board_.Workers();
    all.pids.push_back(parent_on_board_);
    return all;
  }

 private:
  int AwaitParent() {
    int status = 0;
    while (::waitpid(parent_, &status, 0) < 0 && errno == EINTR) {
    }
    parent_ = -1;
    return status;
  }

  PreforkBoard board_;
  pid_t parent_ = -1;  // until it has been reaped
  pid_t parent_on_board_ = -1;
};

}  // namespace

std::unique_ptr<Architecture> MakePrefork(const ArchitectureOptions& options) {
  return std::make_unique<Prefork>(options);
}

}  // namespace crossover
