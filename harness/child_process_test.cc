#include "harness/child_process.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <system_error>

#include "base/clock.h"
#include "base/cpu_list.h"

namespace crossover {
namespace {

using testing::HasSubstr;

int64_t Soon() { return MonotonicNs() + 60 * kNsPerSecond; }

ChildProcess Shell(const std::string& script) {
  return ChildProcess::Start({.name = "the child", .argv = {"/bin/sh", "-c", script}, .cpus = {}});
}

std::string NextLine(ChildProcess& child) {
  std::string line;
  EXPECT_EQ(child.lines().Next(line, Soon()), LineReader::Status::kLine) << child.StderrTail();
  return line;
}

TEST(ChildProcess, TalksInLinesAndEndsWithItsStatus) {
  ChildProcess child = Shell("read line; echo \"got $line\"; exit 3");
  ASSERT_TRUE(child.Send({{"command", "go"}}));
  EXPECT_EQ(NextLine(child), R"(got {"command":"go"})");
  const auto status = child.Wait(Soon());
  ASSERT_TRUE(status);
  EXPECT_EQ(status->code, 3);
  EXPECT_EQ(status->Describe(), "exit status 3");
  EXPECT_FALSE(status->Success());
}

TEST(ChildProcess, SaysWhatCannotBeStarted) {
  try {
    ChildProcess::Start({.name = "the server", .argv = {"/nonexistent/server"}, .cpus = {}});
    ADD_FAILURE();
  } catch (const std::system_error& error) {
    EXPECT_THAT(error.what(), HasSubstr("cannot start the server (/nonexistent/server)"));
    EXPECT_EQ(error.code().value(), ENOENT);
  }
}

TEST(ChildProcess, SaysWhichCpusItCannotHave) {
  try {
    ChildProcess::Start({.name = "the server", .argv = {"/bin/true"}, .cpus = {1023}});
    ADD_FAILURE();
  } catch (const std::system_error& error) {
    EXPECT_THAT(error.what(), HasSubstr("cannot confine the server to CPUs 1023"));
  }
}

TEST(ChildProcess, RunsOnItsCpus) {
  const int cpu = AllowedCpus().back();
  ChildProcess child =
      ChildProcess::Start({.name = "the child",
                           .argv = {"/bin/sh", "-c", "grep Cpus_allowed_list /proc/self/status"},
                           .cpus = {cpu}});
  EXPECT_THAT(NextLine(child), HasSubstr("\t" + std::to_string(cpu)));
}

TEST(ChildProcess, InheritsThreeDescriptorsAndNoSignalState) {
  const Fd leak(::dup2(STDERR_FILENO, 77));  // without close-on-exec
  sigset_t blocked;
  sigset_t before;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGUSR1);
  pthread_sigmask(SIG_BLOCK, &blocked, &before);
  ChildProcess child = Shell(
      "for n in 0 1 2 77; do [ -e /proc/$$/fd/$n ] && printf '%s ' $n; done; echo; "
      "awk '/SigBlk/ {print $2}' /proc/$$/status; awk '/SigIgn/ {print $2}' /proc/$$/status");
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  EXPECT_EQ(NextLine(child), "0 1 2 ");
  EXPECT_EQ(NextLine(child), "0000000000000000");
  // Signals 32 and 33 are the C library's own: its posix_spawn, which make starts programs by,
  // ignores them, and its sigaction leaves them alone.
  constexpr unsigned long long kOwnSignals = 0x1'8000'0000;
  EXPECT_EQ(std::stoull(NextLine(child), nullptr, 16) & ~kOwnSignals, 0u);
}

TEST(ChildProcess, KeepsTheEndOfStderr) {
  ChildProcess child = Shell(
      "i=0; while [ $i -lt 20000 ]; do echo 0123456789; i=$((i+1)); done >&2; "
      "echo 'the reason' >&2; echo >&2; exit 1");
  ASSERT_TRUE(child.Wait(Soon()));
  EXPECT_EQ(child.LastStderrLine(), "the reason");
  EXPECT_EQ(child.StderrTail(100).size(), 100U);
}

TEST(ChildProcess, WaitHonoursItsDeadline) {
  ChildProcess child = Shell("read line");
  EXPECT_FALSE(child.Wait(0));
  child.CloseInput();
  EXPECT_TRUE(child.Wait(Soon()));
}

TEST(ChildProcess, StopAsksFirst) {
  ChildProcess child = Shell("trap 'exit 5' TERM; echo up; while :; do read line || exit 6; done");
  ASSERT_EQ(NextLine(child), "up");
  EXPECT_EQ(child.Stop(60 * kNsPerSecond).code, 5);
}

TEST(ChildProcess, StopKillsWhatDoesNotListen) {
  ChildProcess child = Shell("trap '' TERM; echo up; while :; do read line; done");
  ASSERT_EQ(NextLine(child), "up");
  const ExitStatus status = child.Stop(kNsPerMs);
  EXPECT_EQ(status.signal, SIGKILL);
  EXPECT_EQ(status.Describe(), "killed by signal 9 (Killed)");
}

TEST(ChildProcess, StopReachesWhatALauncherStarted) {
  ChildProcess launcher = Shell("sh -c 'echo $$; read line' <&0 & wait");
  const pid_t grandchild = std::stoi(NextLine(launcher));
  Fd grandchild_fd(::open(("/proc/" + std::to_string(grandchild)).c_str(), O_RDONLY));
  launcher.Stop(0);
  // Its end of the pipe closes when it has gone.
  std::string line;
  EXPECT_EQ(launcher.lines().Next(line, Soon()), LineReader::Status::kEnd);
}

TEST(ChildProcess, DestructorLeavesNothingBehind) {
  pid_t pid = 0;
  {
    ChildProcess child = Shell("trap '' TERM; echo up; read line; read line");
    ASSERT_EQ(NextLine(child), "up");
    pid = child.pid();
  }
  EXPECT_EQ(::kill(pid, 0), -1);
  EXPECT_EQ(errno, ESRCH);
}

TEST(ChildProcess, DiesWithItsParent) {
  // The middle process starts a child that would live for ever, tells its pid, and is killed.
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const pid_t middle = ::fork();
  if (middle == 0) {
    ChildProcess child = Shell("echo up; while :; do read line || sleep 1000; done");
    NextLine(child);
    const pid_t pid = child.pid();
    if (::write(ends[1], &pid, sizeof pid) != sizeof pid) ::_exit(1);
    ::pause();
  }
  pid_t orphan = 0;
  ASSERT_EQ(::read(ends[0], &orphan, sizeof orphan), static_cast<ssize_t>(sizeof orphan));
  ::kill(middle, SIGKILL);
  ASSERT_EQ(::waitpid(middle, nullptr, 0), middle);
  int status = 0;
  ASSERT_EQ(::waitpid(orphan, &status, 0), orphan);
  EXPECT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(WTERMSIG(status), SIGKILL);
  ::close(ends[0]);
  ::close(ends[1]);
}

}  // namespace
}  // namespace crossover
