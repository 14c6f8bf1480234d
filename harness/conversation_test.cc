#include "harness/conversation.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include "base/clock.h"

namespace crossover {
namespace {

ChildProcess StartShell(const std::string& name, const std::string& script) {
  return ChildProcess::Start({.name = name, .argv = {"/bin/sh", "-c", script}, .cpus = {}});
}

// As when a server is killed: its sockets are closed, the load generator ends for it, and only then
// can the server be waited for.
TEST(Conversation, NamesTheServerThatEndsAMomentAfterItsLoadGenerator) {
  const std::string fifo = testing::TempDir() + "conversation." + std::to_string(::getpid());
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  ChildProcess server = StartShell("the server", "cat " + fifo + "; kill -9 $$");
  ChildProcess load = StartShell("the load generator", "exec 3>" + fifo + "; exit 1");
  Conversation conversation(-1, {});
  conversation.Watch(server, false);
  conversation.Watch(load, true);
  conversation.SetStage("warming up");
  try {
    conversation.Await(load, "measuring", MonotonicNs() + 60 * kNsPerSecond);
    ADD_FAILURE();
  } catch (const TrialFailure& failure) {
    EXPECT_STREQ(failure.what(), "the server ended while warming up: killed by signal 9 (Killed)");
  }
  ::unlink(fifo.c_str());
}

}  // namespace
}  // namespace crossover
