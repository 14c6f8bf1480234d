#include "harness/conversation.h"

#include <poll.h>

#include <algorithm>

#include "base/clock.h"

namespace crossover {

std::string DescribeEnd(const ChildProcess& child, const ExitStatus& status,
                        std::string_view stage) {
  std::string text = child.name() + " ended while " + std::string(stage) + ": " + status.Describe();
  const std::string said = child.LastStderrLine();
  if (!said.empty()) text += "; its last words: " + said;
  return text;
}

void Conversation::Unwatch(const ChildProcess& child) {
  std::erase_if(watched_, [&](const Watched& each) { return each.child == &child; });
}

// Has ended, and may have.
bool Conversation::EndedWell(const Watched& watched) {
  const auto status = watched.ends_by_itself ? watched.child->Wait(0) : std::nullopt;
  return status && status->signal == 0 && status->code <= 1;
}

void Conversation::FailIfAnotherEnded(const ChildProcess& awaited) const {
  for (const Watched& each : watched_) {
    if (each.child == &awaited || EndedWell(each)) continue;
    if (each.child->Wait(0)) FailEnded(*each.child);
  }
}

void Conversation::FailEnded(ChildProcess& child) const {
  // It closed its output or ended; give it a moment to do the latter.
  const auto status = child.Wait(MonotonicNs() + 5 * kNsPerSecond);
  if (status) throw TrialFailure(DescribeEnd(child, *status, stage_));
  throw TrialFailure(child.name() + " closed its output while " + stage_);
}

void Conversation::FailByCause(ChildProcess& child) const {
  FailIfAnotherEnded(child);
  // A server that is killed closes its sockets, and its load generator may end for that, before it
  // can be waited for itself.
  const auto self = std::ranges::find(watched_, &child, &Watched::child);
  if (self != watched_.end() && child.Wait(MonotonicNs() + kNsPerSecond) && EndedWell(*self)) {
    const int64_t deadline_ns = MonotonicNs() + kNsPerSecond;
    for (const Watched& each : watched_) {
      if (!each.ends_by_itself && each.child->Wait(deadline_ns)) FailEnded(*each.child);
    }
  }
  FailEnded(child);
}

void Conversation::WaitForSomething(ChildProcess& child, std::string_view event,
                                    int64_t deadline_ns) {
  const int64_t now_ns = MonotonicNs();
  if (now_ns >= deadline_ns) {
    throw TrialFailure(child.name() + " did not say \"" + std::string(event) + "\" in time while " +
                       stage_);
  }
  std::vector<pollfd> fds = {{child.output_fd(), POLLIN, 0}};
  if (interrupt_fd_ >= 0) fds.push_back({interrupt_fd_, POLLIN, 0});
  for (const Watched& each : watched_) {
    // One that has ended well would keep poll from ever waiting again.
    if (!EndedWell(each)) fds.push_back({each.child->exit_fd(), POLLIN, 0});
  }
  const int64_t left_ns = std::min<int64_t>(deadline_ns - now_ns, kNsPerSecond);
  if (::poll(fds.data(), fds.size(), static_cast<int>(left_ns / kNsPerMs + 1)) == 0 && tick_) {
    tick_();
  }
  if (interrupt_fd_ >= 0 && fds[1].revents != 0) throw TrialInterrupted();
  FailIfAnotherEnded(child);
}

nlohmann::json Conversation::Await(ChildProcess& child, std::string_view event,
                                   int64_t deadline_ns) {
  return AwaitAny(child, {&event, 1}, deadline_ns);
}

nlohmann::json Conversation::AwaitAny(ChildProcess& child, std::span<const std::string_view> events,
                                      int64_t deadline_ns) {
  while (true) {
    std::string line;
    // Asked before its output is looked at: what it said before it ended counts.
    const bool ended = child.Wait(0).has_value();
    switch (child.lines().Next(line, 0)) {
      case LineReader::Status::kEnd:
        FailByCause(child);
      case LineReader::Status::kTimeout:
        if (ended) FailByCause(child);
        WaitForSomething(child, events.front(), deadline_ns);
        continue;
      case LineReader::Status::kLine:
        break;
    }
    nlohmann::json message = nlohmann::json::parse(line, nullptr, false);
    if (!message.is_object()) {
      throw TrialFailure(child.name() + " said something that is no object of JSON while " +
                         stage_ + ": " + line.substr(0, 200));
    }
    const auto found = message.find("event");
    if (found == message.end() || !found->is_string()) continue;
    if (std::ranges::count(events, found->get_ref<const std::string&>()) > 0) return message;
  }
}

nlohmann::json Conversation::Ask(ChildProcess& child, std::string_view command,
                                 std::string_view event, int64_t deadline_ns) {
  // A child that no longer reads has ended or soon will: Await tells how.
  child.Send({{"command", command}});
  return Await(child, event, deadline_ns);
}

}  // namespace crossover
