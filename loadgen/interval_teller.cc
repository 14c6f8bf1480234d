#include "loadgen/interval_teller.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>

#include "base/clock.h"

namespace crossover {
namespace {

// A loop answers at once, unless it has no CPU or begins a million requests. What it has not
// answered by then is told with the next interval.
constexpr int64_t kPatienceNs = 10 * kNsPerSecond;

}  // namespace

void IntervalTeller::Begin(LoadInterval::Phase phase, int64_t begin_ns) {
  if (!followed_) return;
  last_.phase = phase;
  last_.time_ns = std::max(last_.time_ns, begin_ns);
  due_ns_ = begin_ns + period_ns_;
}

bool IntervalTeller::TellIfDue(int64_t now_ns, int64_t deadline_ns) {
  if (now_ns < due_ns_) return false;
  due_ns_ += ((now_ns - due_ns_) / period_ns_ + 1) * period_ns_;
  if (Ask(std::min(deadline_ns, due_ns_))) Tell();
  return true;
}

void IntervalTeller::TellRest() {
  if (followed_ && Ask(MonotonicNs() + kPatienceNs)) Tell();
}

bool IntervalTeller::AllPublished(uint32_t asked) const {
  return std::all_of(loops_.begin(), loops_.end(),
                     [&](const auto& loop) { return loop->progress()->HasPublished(asked); });
}

// Whether all loops have answered by the deadline.
bool IntervalTeller::Ask(int64_t deadline_ns) {
  const uint32_t asked = state_.progress_asked.load(std::memory_order_relaxed) + 1;
  state_.progress_asked.store(asked, std::memory_order_relaxed);
  for (const auto& loop : loops_) loop->Wake();
  while (!AllPublished(asked)) {
    const int64_t left_ns = deadline_ns - MonotonicNs();
    if (left_ns <= 0) return false;
    const timespec timeout{left_ns / kNsPerSecond, left_ns % kNsPerSecond};
    pollfd polled{state_.coordinator_wake.get(), POLLIN, 0};
    ppoll(&polled, 1, &timeout, nullptr);
    uint64_t ignored = 0;
    if (polled.revents != 0) {
      [[maybe_unused]] const ssize_t n = read(polled.fd, &ignored, sizeof ignored);
    }
  }
  return true;
}

void IntervalTeller::Tell() {
  const int64_t begin_ns = last_.time_ns;
  const uint64_t verified_before = last_.ledger.requests.verified;
  const uint64_t errors_before = last_.ledger.errors();
  last_.latency.Clear();
  last_.ledger = {};
  last_.in_flight = 0;
  for (const auto& loop : loops_) loop->progress()->CollectInto(last_);
  last_.seconds = static_cast<double>(last_.time_ns - begin_ns) / 1e9;
  last_.verified = last_.ledger.requests.verified - verified_before;
  last_.errors = last_.ledger.errors() - errors_before;
  // All loops had ended before.
  if (last_.time_ns == begin_ns && last_.verified == 0 && last_.errors == 0) return;
  control_.on_interval(last_);
}

}  // namespace crossover
