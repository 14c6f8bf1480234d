#include "harness/profile/switch_tracer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "harness/profile/frame_classes.h"
#include "harness/profile/known_work.h"
#include "harness/profile/system_call_names.h"

namespace crossover {
namespace {

// Every wake-up lies in its first half.
constexpr TraceStretch kNearlyAlways = {0, INT64_MAX / 64};

using testing::HasSubstr;

constexpr int64_t kRounds = 2000;
constexpr auto kHandOvers = static_cast<double>(2 * kRounds);

// What happened to this process while it did `work`, with the tracer on.
template <typename Work>
SwitchTracer::Recorded TraceWhile(SwitchTracer& tracer, const Work& work) {
  tracer.Enable();
  work();
  tracer.Disable();
  return tracer.Take({getpid()});
}

// How many leavings of the CPU were in something of `frame_class`.
uint64_t LeavingsIn(const SwitchTracer::Recorded& recorded, const TraceSums& sums,
                    const std::string& frame_class) {
  const Symbols symbols(getpid());
  const FrameClasses& classes = BuiltInFrameClasses();
  uint64_t leavings = 0;
  for (const auto& [number, count] : sums.off_cpu_count) {
    Stack stack;
    for (const uint64_t address : recorded.stacks.at(number)) {
      stack.insert(stack.begin(), Frame{symbols.KernelName(address - 1), true});
    }
    const size_t index = classes.ClassBelow(stack, "scheduler");
    if (number != kPreempted && classes.classes()[index].name == frame_class) leavings += count;
  }
  return leavings;
}

class SwitchTracerTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string why;
    tracer_ = SwitchTracer::Open(getpid(), AllowedCpus(), {}, why);
    if (!tracer_) GTEST_SKIP() << why;
  }

  const int cpu_ = AllowedCpus().front();
  std::optional<SwitchTracer> tracer_;
};

TEST_F(SwitchTracerTest, SeesEveryHandOverByAPipe) {
  const SwitchTracer::Recorded recorded =
      TraceWhile(*tracer_, [&] { PipePingPong(cpu_, kRounds); });
  EXPECT_EQ(recorded.lost, 0u);
  EXPECT_TRUE(std::ranges::is_sorted(recorded.events, {}, &TraceEvent::time_ns));
  TraceSums sums;
  AddEvents(recorded.events, kNearlyAlways, sums);
  const auto switches = static_cast<double>(sums.switches);
  EXPECT_GE(switches, 0.95 * kHandOvers);
  EXPECT_LT(switches, 1.2 * kHandOvers);
  std::map<std::string, uint64_t> calls;
  for (const auto& [number, count] : sums.system_calls) calls[SystemCallName(number)] = count;
  EXPECT_GE(calls["read"], static_cast<uint64_t>(2 * kRounds));
  EXPECT_GE(calls["write"], static_cast<uint64_t>(2 * kRounds));
  EXPECT_LT(static_cast<double>(calls["read"]), 1.05 * kHandOvers);
  EXPECT_LT(static_cast<double>(calls["write"]), 1.05 * kHandOvers);
  // Whoever writes may be preempted before it reads; the other one then blocks all the same.
  const uint64_t blocked = LeavingsIn(recorded, sums, "sockets");
  EXPECT_GE(static_cast<double>(blocked), 0.45 * kHandOvers);
  EXPECT_GE(static_cast<double>(blocked + sums.preemptions), 0.95 * kHandOvers);
  // Each that blocked was woken, and then ran.
  EXPECT_NEAR(static_cast<double>(sums.wakings), static_cast<double>(blocked), 0.05 * kHandOvers);
  EXPECT_EQ(sums.run_queue_ns.size() + sums.still_waiting, sums.wakings);
}

TEST_F(SwitchTracerTest, TakesWhatWasRecordedOnce) {
  TraceWhile(*tracer_, [] { CallGetppid(100); });
  const SwitchTracer::Recorded recorded = TraceWhile(*tracer_, [] { CallGetppid(10); });
  TraceSums sums;
  AddEvents(recorded.events, kNearlyAlways, sums);
  EXPECT_EQ(sums.system_calls[SYS_getppid], 10u);
}

TEST_F(SwitchTracerTest, LeavesOutOtherProcesses) {
  tracer_->Enable();
  CallGetppid(100);
  tracer_->Disable();
  TraceSums sums;
  AddEvents(tracer_->Take({}).events, kNearlyAlways, sums);
  EXPECT_EQ(sums.switches, 0u);
  EXPECT_TRUE(sums.system_calls.empty());
}

TEST(SwitchTracer, SaysWhyAServerCannotBeTraced) {
  std::string why;
  EXPECT_FALSE(SwitchTracer::Open(INT32_MAX, {0}, {}, why));
  EXPECT_NE(why, "");
}

TEST(SystemCallName, KnowsThisMachinesSystemCalls) {
  EXPECT_EQ(SystemCallName(SYS_getppid), "getppid");
  EXPECT_EQ(SystemCallName(SYS_epoll_pwait2), "epoll_pwait2");
  EXPECT_EQ(SystemCallName(9999), "system_call_9999");
  EXPECT_EQ(SystemCallName(-1), "system_call_-1");
}

}  // namespace
}  // namespace crossover
