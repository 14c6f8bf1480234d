// Conversation: waits for what the two children of a trial say, while watching both for their end
// and the user for Ctrl-C.
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "harness/child_process.h"

namespace crossover {

// The trial cannot go on; the message is one line for its verdict.
class TrialFailure : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// The user asked to stop.
class TrialInterrupted : public std::exception {};

// Not thread-safe. Owns nothing: the children and the descriptor must outlive it.
class Conversation {
 public:
  // `interrupt_fd` (or -1) ends every wait once it is readable. `tick` is called about once a
  // second while waiting, for the display.
  Conversation(int interrupt_fd, std::function<void()> tick)
      : interrupt_fd_(interrupt_fd), tick_(std::move(tick)) {}

  // From now on the end of `child` ends every wait too; of one that `ends_by_itself`, only an end
  // by a signal or with a status above 1, as long as it is another's line that is waited for: its
  // own last lines are then still to be read.
  void Watch(ChildProcess& child, bool ends_by_itself) {
    watched_.push_back({&child, ends_by_itself});
  }
  void Unwatch(const ChildProcess& child);
  // What goes on, for messages: "connecting".
  void SetStage(std::string_view stage) { stage_ = stage; }

  // Returns the next line of `child` whose "event" is `event`; others are passed over. Throws
  // TrialFailure if a watched child ends, MonotonicNs() reaches `deadline_ns`, or a line is not an
  // object of JSON; TrialInterrupted.
  nlohmann::json Await(ChildProcess& child, std::string_view event, int64_t deadline_ns);

  // The same for whichever of `events` comes first.
  nlohmann::json AwaitAny(ChildProcess& child, std::span<const std::string_view> events,
                          int64_t deadline_ns);

  // Sends `command` and returns the answer, as Await does.
  nlohmann::json Ask(ChildProcess& child, std::string_view command, std::string_view event,
                     int64_t deadline_ns);

 private:
  struct Watched {
    ChildProcess* child;
    bool ends_by_itself;
  };
  static bool EndedWell(const Watched& watched);
  void FailIfAnotherEnded(const ChildProcess& awaited) const;
  void WaitForSomething(ChildProcess& child, std::string_view event, int64_t deadline_ns);
  [[noreturn]] void FailEnded(ChildProcess& child) const;
  // `child` has ended; throws for the one whose end is the cause, if there is another.
  [[noreturn]] void FailByCause(ChildProcess& child) const;

  int interrupt_fd_;
  std::function<void()> tick_;
  std::vector<Watched> watched_;
  std::string stage_;
};

// "the server: exit status 2 while connecting: crossover-server: cannot listen": how a child ended
// and the last line that it wrote to stderr.
std::string DescribeEnd(const ChildProcess& child, const ExitStatus& status,
                        std::string_view stage);

}  // namespace crossover
