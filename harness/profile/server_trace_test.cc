#include "harness/profile/server_trace.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace crossover {
namespace {

// Every wake-up lies in its first half.
constexpr TraceStretch kAlways = {0, INT64_MAX / 64};

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;
using Kind = TraceEvent::Kind;

// Threads from 100 on are the server's.
bool IsServer(pid_t thread) { return thread >= 100; }

TraceEvent Waking(int64_t time_ns, int cpu, pid_t thread) {
  return {.kind = Kind::kWaking,
          .of_server = IsServer(thread),
          .cpu = cpu,
          .time_ns = time_ns,
          .thread = thread};
}

TraceEvent Switch(int64_t time_ns, int cpu, pid_t thread, pid_t next, uint32_t stack) {
  return {.kind = Kind::kSwitch,
          .of_server = IsServer(thread),
          .next_of_server = IsServer(next),
          .cpu = cpu,
          .time_ns = time_ns,
          .thread = thread,
          .next = next,
          .stack = stack};
}

TraceEvent Preemption(int64_t time_ns, int cpu, pid_t thread, pid_t next) {
  TraceEvent event = Switch(time_ns, cpu, thread, next, 9);
  event.preempted = true;
  return event;
}

TraceEvent Call(Kind kind, pid_t thread, int64_t number, int64_t result = 0) {
  return {.kind = kind,
          .of_server = IsServer(thread),
          .thread = thread,
          .number = number,
          .result = result};
}

TraceSums SumsOf(const std::vector<TraceEvent>& events) {
  TraceSums sums;
  AddEvents(events, kAlways, sums);
  return sums;
}

TEST(ServerTrace, MeasuresFromTheWakingToTheRun) {
  const TraceSums sums = SumsOf({
      Switch(1000, 0, 100, 0, 1),  // blocks
      Waking(1500, 0, 100),
      Switch(1700, 0, 0, 100, 0),
      Switch(2000, 0, 100, 101, 1),  // blocks again; 101 had begun before
      Waking(2100, 0, 100),
      Switch(5000, 0, 101, 100, 2),
  });
  EXPECT_THAT(sums.run_queue_ns, ElementsAre(200, 2900));
  EXPECT_EQ(sums.wakings, 2u);
  EXPECT_EQ(sums.wakings_across_cpus, 0u);
  EXPECT_EQ(sums.switches, 3u);
  EXPECT_EQ(sums.preemptions, 0u);
  EXPECT_THAT(sums.off_cpu_ns, ElementsAre(Pair(1, 700 + 3000)));
  EXPECT_THAT(sums.off_cpu_count, ElementsAre(Pair(1, 2)));
}

TEST(ServerTrace, CountsAPreemptionAsNoWaking) {
  const TraceSums sums = SumsOf({
      Preemption(1000, 0, 100, 7), Switch(1400, 0, 7, 100, 0), Switch(2000, 0, 100, 0, 3),
      Switch(2500, 0, 0, 100, 0),  // its waking was not seen
  });
  EXPECT_EQ(sums.switches, 2u);
  EXPECT_EQ(sums.preemptions, 1u);
  EXPECT_EQ(sums.wakings, 0u);
  EXPECT_THAT(sums.run_queue_ns, IsEmpty());
  EXPECT_THAT(sums.off_cpu_ns, ElementsAre(Pair(kPreempted, 400), Pair(3, 500)));
}

TEST(ServerTrace, TellsWakingsAcrossCpus) {
  const TraceSums sums = SumsOf({
      Waking(1000, 1, 100),
      Waking(1000, 0, 101),
      Switch(1100, 0, 0, 100, 0),
      Switch(1200, 0, 100, 101, 1),
  });
  EXPECT_EQ(sums.wakings, 2u);
  EXPECT_EQ(sums.wakings_across_cpus, 1u);
  EXPECT_THAT(sums.run_queue_ns, ElementsAre(100, 200));
}

TEST(ServerTrace, LetsAThreadWaitOnlyOnceItHasLeft) {
  // Another CPU wakes it while it is still on its way off its own: it ran until 1300.
  const TraceSums sums = SumsOf({
      Waking(1000, 1, 100),
      Switch(1300, 0, 100, 101, 1),
      Switch(2000, 0, 101, 100, 1),
  });
  EXPECT_THAT(sums.run_queue_ns, ElementsAre(700));
  EXPECT_EQ(sums.wakings, 1u);
  EXPECT_EQ(sums.wakings_across_cpus, 1u);
  EXPECT_THAT(sums.off_cpu_ns, ElementsAre(Pair(1, 700)));
}

TEST(ServerTrace, ForgetsAWakingThatKeptAThreadFromBlocking) {
  const TraceSums sums = SumsOf({
      Waking(1000, 1, 100),  // it was about to block, and then didn't
      Preemption(1300, 0, 100, 7),
      Switch(2000, 0, 7, 100, 0),
      Switch(3000, 0, 100, 0, 1),
      Waking(4000, 0, 100),
      Switch(4050, 0, 0, 100, 0),
  });
  EXPECT_THAT(sums.run_queue_ns, ElementsAre(50));
  EXPECT_EQ(sums.wakings, 1u);
}

TEST(ServerTrace, LeavesOutWhatBeganBeforeTheSlice) {
  TraceSums sums = SumsOf({
      Switch(1000, 0, 0, 100, 0),  // neither its waking nor its leaving was seen
      Switch(2000, 0, 100, 0, 1),  // not back by the end of the slice
      Waking(2100, 0, 101),        // not run by then
  });
  EXPECT_THAT(sums.run_queue_ns, IsEmpty());
  EXPECT_THAT(sums.off_cpu_ns, IsEmpty());
  EXPECT_EQ(sums.wakings, 1u);
  EXPECT_EQ(sums.still_waiting, 1u);
  EXPECT_EQ(sums.switches, 1u);
  AddEvents({Switch(900'000, 0, 0, 100, 0), Switch(900'100, 0, 100, 101, 1)}, kAlways, sums);
  EXPECT_THAT(sums.run_queue_ns, IsEmpty());
  EXPECT_THAT(sums.off_cpu_ns, IsEmpty());
  EXPECT_EQ(sums.switches, 2u);  // the slices' sums add up
}

TEST(ServerTrace, FollowsWakingsOfTheFirstHalfToTheEnd) {
  TraceSums sums;
  AddEvents(
      {
          Waking(1400, 1, 100),  // runs in the second half
          Waking(1450, 1, 101),  // never runs
          Waking(1600, 1, 102),  // of the second half: neither counts its wait
          Switch(1700, 0, 0, 102, 1),
          Waking(1800, 1, 103),
          Switch(1900, 0, 102, 100, 1),
      },
      {.begin_ns = 1000, .end_ns = 2000}, sums);
  EXPECT_THAT(sums.run_queue_ns, ElementsAre(500));
  EXPECT_EQ(sums.still_waiting, 1u);
  EXPECT_EQ(sums.wakings, 4u);
  // Of 102 from the beginning and to the end, of 100 from the beginning, of 101 and 103 all of it.
  EXPECT_EQ(sums.off_cpu_cut_ns, 700 + 100 + 900 + 2 * 1000);
}

TEST(ServerTrace, LeavesOutOthers) {
  const TraceSums sums = SumsOf({
      Waking(1000, 0, 7),
      Switch(1100, 0, 0, 7, 0),
      Switch(1200, 0, 7, 8, 1),
      Call(Kind::kSystemCall, 7, 39),
      Call(Kind::kSystemCallEnd, 7, 232, 5),
  });
  EXPECT_EQ(sums.wakings, 0u);
  EXPECT_EQ(sums.switches, 0u);
  EXPECT_THAT(sums.off_cpu_ns, IsEmpty());
  EXPECT_THAT(sums.system_calls, IsEmpty());
  EXPECT_THAT(sums.waits_by_events, IsEmpty());
}

TEST(ServerTrace, CountsSystemCallsAndWhatWaitsReturned) {
  const TraceSums sums = SumsOf({
      Call(Kind::kSystemCall, 100, 232),
      Call(Kind::kSystemCallEnd, 100, 232, 3),
      Call(Kind::kSystemCall, 101, 232),
      Call(Kind::kSystemCallEnd, 101, 232, 3),
      Call(Kind::kSystemCall, 100, 232),
      Call(Kind::kSystemCallEnd, 100, 232, 0),
      Call(Kind::kSystemCall, 100, 232),
      Call(Kind::kSystemCallEnd, 100, 232, -4),  // EINTR
      Call(Kind::kSystemCall, 100, 44),
  });
  EXPECT_THAT(sums.system_calls, ElementsAre(Pair(44, 1), Pair(232, 4)));
  EXPECT_THAT(sums.waits_by_events, ElementsAre(Pair(0, 1), Pair(3, 2)));
}

TEST(QuantileNs, IsByNearestRank) {
  std::vector<int64_t> values = {50, 10, 40, 20, 30};
  EXPECT_EQ(QuantileNs(values, 0, 0), 10);
  EXPECT_EQ(QuantileNs(values, 0, 0.2), 10);
  EXPECT_EQ(QuantileNs(values, 0, 0.21), 20);
  EXPECT_EQ(QuantileNs(values, 0, 0.5), 30);
  EXPECT_EQ(QuantileNs(values, 0, 0.9), 50);
  EXPECT_EQ(QuantileNs(values, 0, 1), 50);
  EXPECT_THAT(values, ElementsAre(10, 20, 30, 40, 50));
  std::vector<int64_t> one = {7};
  EXPECT_EQ(QuantileNs(one, 0, 0), 7);
  EXPECT_EQ(QuantileNs(one, 0, 0.999), 7);
  std::vector<int64_t> none;
  EXPECT_EQ(QuantileNs(none, 0, 0.5), std::nullopt);
}

TEST(QuantileNs, CountsThoseThatAreLonger) {
  std::vector<int64_t> values = {10, 20, 30};
  EXPECT_EQ(QuantileNs(values, 2, 0.5), 30);
  EXPECT_EQ(QuantileNs(values, 2, 0.61), std::nullopt);
  EXPECT_EQ(QuantileNs(values, 0, 1), 30);
}

}  // namespace
}  // namespace crossover
