#include "harness/child_process.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <utility>

#include "base/check.h"
#include "base/clock.h"
#include "base/cpu_list.h"
#include "base/error.h"

namespace crossover {
namespace {

// What the child tells of a start that failed, through a pipe that exec closes.
struct StartFailure {
  enum Step : int { kDescriptors, kAffinity, kExec };
  int step;
  int error_number;
};

struct Pipe {
  Fd read_end;
  Fd write_end;
};

// All ends at 3 or above, so that dup2 onto 0, 1 and 2 cannot overwrite one of them.
Pipe MakePipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) ThrowErrno("pipe");
  Pipe pipe;
  pipe.read_end.Reset(ends[0]);
  pipe.write_end.Reset(ends[1]);
  for (Fd* end : {&pipe.read_end, &pipe.write_end}) {
    if (end->get() > STDERR_FILENO) continue;
    const int moved = ::fcntl(end->get(), F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    if (moved < 0) ThrowErrno("fcntl(F_DUPFD_CLOEXEC)");
    end->Reset(moved);
  }
  return pipe;
}

struct ChildPlan {
  char* const* argv;
  const cpu_set_t* cpus;  // null: inherited
  pid_t parent;
  int input;
  int output;
  int errors;
  int failure;
};

[[noreturn]] void Fail(const ChildPlan& plan, StartFailure::Step step) {
  const StartFailure failure{step, errno};
  [[maybe_unused]] const ssize_t n = ::write(plan.failure, &failure, sizeof failure);
  ::_exit(127);
}

// Runs between fork and exec: only calls that are safe there, no allocation.
[[noreturn]] void BecomeChild(const ChildPlan& plan) {
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  // The parent may have gone before the line above: nobody would ever send the signal.
  if (::getppid() != plan.parent) ::_exit(127);
  // Handlers would be reset by exec anyway, but "ignore" and the mask would be inherited.
  struct sigaction action {};
  action.sa_handler = SIG_DFL;
  for (int signal = 1; signal < NSIG; ++signal) ::sigaction(signal, &action, nullptr);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  if (::dup2(plan.input, STDIN_FILENO) < 0 || ::dup2(plan.output, STDOUT_FILENO) < 0 ||
      ::dup2(plan.errors, STDERR_FILENO) < 0 ||
      ::close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC) != 0) {
    Fail(plan, StartFailure::kDescriptors);
  }
  if (plan.cpus != nullptr && ::sched_setaffinity(0, sizeof *plan.cpus, plan.cpus) != 0) {
    Fail(plan, StartFailure::kAffinity);
  }
  ::execvp(plan.argv[0], plan.argv);
  Fail(plan, StartFailure::kExec);
}

// Waits for exec to close the pipe, or for the child's message.
void ThrowIfFailed(const ChildCommand& command, int failure_fd) {
  StartFailure failure{};
  ssize_t n;
  do {
    n = ::read(failure_fd, &failure, sizeof failure);
  } while (n < 0 && errno == EINTR);
  if (n != sizeof failure) return;
  switch (failure.step) {
    case StartFailure::kAffinity:
      ThrowErrno("cannot confine " + command.name + " to CPUs " + FormatCpuList(command.cpus),
                 failure.error_number);
    case StartFailure::kExec:
      ThrowErrno("cannot start " + command.name + " (" + command.argv.front() + ")",
                 failure.error_number);
    default:
      ThrowErrno("cannot prepare the descriptors of " + command.name, failure.error_number);
  }
}

}  // namespace

std::string ExitStatus::Describe() const {
  if (signal == 0) return "exit status " + std::to_string(code);
  return "killed by signal " + std::to_string(signal) + " (" + ::strsignal(signal) + ")";
}

ChildProcess ChildProcess::Start(const ChildCommand& command) {
  CHECK(!command.argv.empty());
  std::vector<char*> argv;
  for (const std::string& word : command.argv) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  cpu_set_t cpus;
  CPU_ZERO(&cpus);
  for (const int cpu : command.cpus) CPU_SET(cpu, &cpus);

  Pipe input = MakePipe();
  Pipe output = MakePipe();
  Pipe failure = MakePipe();
  // A file in memory rather than a pipe: nobody has to read along for the child to go on.
  Fd errors(::memfd_create("stderr", MFD_CLOEXEC));
  if (!errors || ::fcntl(errors.get(), F_SETFL, O_APPEND) != 0) ThrowErrno("memfd_create");

  const ChildPlan plan{.argv = argv.data(),
                       .cpus = command.cpus.empty() ? nullptr : &cpus,
                       .parent = ::getpid(),
                       .input = input.read_end.get(),
                       .output = output.write_end.get(),
                       .errors = errors.get(),
                       .failure = failure.write_end.get()};
  // No signal may reach a handler of ours in the child before it has reset them.
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  const pid_t pid = ::fork();
  if (pid == 0) BecomeChild(plan);
  const int fork_error = errno;
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (pid < 0) ThrowErrno("cannot start " + command.name + ": fork", fork_error);
  ::setpgid(pid, pid);  // whoever comes first
  failure.write_end.Reset();
  // By number: glibc 2.36 declares pidfd_open without C linkage.
  Fd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!pidfd) {
    const int error_number = errno;
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
    ThrowErrno("pidfd_open", error_number);
  }
  ChildProcess child(command.name, pid, std::move(pidfd), std::move(input.write_end),
                     std::move(output.read_end), std::move(errors));
  ThrowIfFailed(command, failure.read_end.get());
  return child;
}

ChildProcess::ChildProcess(std::string name, pid_t pid, Fd pidfd, Fd input, Fd output, Fd errors)
    : name_(std::move(name)),
      pid_(pid),
      pidfd_(std::move(pidfd)),
      input_(std::move(input)),
      output_(std::move(output)),
      errors_(std::move(errors)),
      lines_(output_.get()) {}

ChildProcess::ChildProcess(ChildProcess&& other) noexcept
    : name_(std::move(other.name_)),
      pid_(std::exchange(other.pid_, -1)),
      pidfd_(std::move(other.pidfd_)),
      input_(std::move(other.input_)),
      output_(std::move(other.output_)),
      errors_(std::move(other.errors_)),
      lines_(std::move(other.lines_)),
      status_(other.status_) {}

ChildProcess::~ChildProcess() {
  if (pid_ > 0) Stop(0);
}

bool ChildProcess::Send(const nlohmann::json& value) {
  return input_ && WriteJsonLine(input_.get(), value);
}

std::optional<ExitStatus> ChildProcess::Wait(int64_t deadline_ns) {
  while (!status_) {
    siginfo_t info{};
    const int result = ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG);
    if (result != 0 && errno != EINTR) ThrowErrno("waitid");
    if (result == 0 && info.si_pid == pid_) {
      const bool exited = info.si_code == CLD_EXITED;
      status_ =
          ExitStatus{.code = exited ? info.si_status : 0, .signal = exited ? 0 : info.si_status};
      break;
    }
    const int64_t left_ns = deadline_ns - MonotonicNs();
    if (left_ns <= 0) return std::nullopt;
    pollfd poll_fd{pidfd_.get(), POLLIN, 0};
    const int64_t left_ms = std::min<int64_t>(left_ns / kNsPerMs + 1, 60'000);
    ::poll(&poll_fd, 1, static_cast<int>(left_ms));
  }
  return status_;
}

void ChildProcess::Signal(int signal) const {
  if (::kill(-pid_, signal) != 0) ::kill(pid_, signal);
}

ExitStatus ChildProcess::Stop(int64_t grace_ns) {
  if (!Wait(0) && grace_ns > 0) {
    Signal(SIGTERM);
    Wait(MonotonicNs() + grace_ns);
  }
  if (!status_) {
    Signal(SIGKILL);
    // A killed process ends; how soon is the kernel's business (16,000 threads take a while).
    while (!Wait(MonotonicNs() + kNsPerSecond)) {
    }
  }
  return *status_;
}

std::string ChildProcess::StderrTail(size_t bytes_max) const {
  struct stat status {};
  if (::fstat(errors_.get(), &status) != 0) return {};
  const size_t size = std::min(bytes_max, static_cast<size_t>(status.st_size));
  std::string tail(size, '\0');
  const ssize_t n =
      ::pread(errors_.get(), tail.data(), size, status.st_size - static_cast<off_t>(size));
  tail.resize(n > 0 ? static_cast<size_t>(n) : 0);
  return tail;
}

std::string ChildProcess::LastStderrLine() const {
  const std::string tail = StderrTail();
  const size_t last = tail.find_last_not_of(" \r\n");
  if (last == std::string::npos) return {};
  const size_t newline = tail.find_last_of('\n', last);
  const size_t first = newline == std::string::npos ? 0 : newline + 1;
  return tail.substr(first, last - first + 1);
}

}  // namespace crossover
