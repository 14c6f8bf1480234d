// The instruments against work whose amount is known by other means: what they say is so much, is.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "base/clock.h"
#include "harness/profile/frame_classes.h"
#include "harness/profile/instrument.h"
#include "harness/profile/known_work.h"
#include "harness/profile/stacks.h"

namespace crossover {
namespace {

// An instrument that looks into this process.
class CrossCheck : public testing::Test {
 protected:
  // What it found while this process did `work`; nullopt and `why` if it can't be had.
  template <typename Work>
  std::optional<Findings> LookWhile(Pass pass, const Work& work) {
    const auto instrument = MakeInstrument(pass);
    why_ = instrument->Open({.server_pid = getpid(),
                             .server_cpus = AllowedCpus(),
                             .settings = {.duration_ns = 60 * kNsPerSecond}});
    if (!why_.empty()) return std::nullopt;
    InstrumentSlice slice{.on = true, .begin_ns = MonotonicNs(), .requests = 1};
    instrument->Enable();
    work();
    instrument->Disable();
    slice.end_ns = MonotonicNs();
    return instrument->Finish({getpid()}, {slice});
  }

  const int cpu_ = AllowedCpus().front();
  std::string why_;
};

// The share of the samples for which `holds(stack)`.
template <typename Holds>
double ShareOf(const Stacks& stacks, const Holds& holds) {
  uint64_t samples = 0;
  for (const auto& [stack, count] : stacks) samples += holds(stack) ? count : 0;
  return static_cast<double>(samples) / static_cast<double>(TotalSamples(stacks));
}

TEST_F(CrossCheck, SharesOfTheCpuAreThoseOfTheClock) {
  int64_t spun_ns = 0;
  int64_t called_ns = 0;
  const auto findings = LookWhile(Pass::kProfile, [&] {
    RunOn(cpu_, [&] {
      spun_ns = HandlerThatSpins(400'000'000);
      const int64_t begin_ns = ThreadCpuNs();
      while (called_ns < 200'000'000) {
        CallGetppid(1000);
        called_ns = ThreadCpuNs() - begin_ns;
      }
    });
  });
  if (!findings) GTEST_SKIP() << why_;
  EXPECT_EQ(findings->record["samples_lost"], 0u);
  EXPECT_EQ(findings->file_suffix, ".folded");
  const Stacks stacks = ParseFolded(findings->file_text, "x");
  EXPECT_EQ(TotalSamples(stacks), findings->record["samples"].get<uint64_t>());
  const double spun = static_cast<double>(spun_ns) / static_cast<double>(spun_ns + called_ns);
  const auto has = [](const Stack& stack, const char* name) {
    return std::ranges::count(stack, Frame{name, false}) > 0;
  };
  EXPECT_NEAR(
      ShareOf(stacks, [&](const Stack& s) { return has(s, "crossover::HandlerThatSpins"); }), spun,
      0.05);
  EXPECT_NEAR(ShareOf(stacks, [&](const Stack& s) { return has(s, "crossover::CallGetppid"); }),
              1 - spun, 0.05);
  // What takes the CPU from it, an interrupt or a switch, has a class of its own.
  const FrameClasses& classes = BuiltInFrameClasses();
  EXPECT_NEAR(ShareOf(stacks,
                      [&](const Stack& s) {
                        const FrameClass& found = classes.classes()[classes.ClassOf(s)];
                        return found.name == "handler" ||
                               (has(s, "crossover::HandlerThatSpins") &&
                                (found.group == "interrupts" || found.group == "scheduler"));
                      }),
              spun, 0.05);
  const auto sampled_ns =
      findings->record["samples"].get<double>() * findings->record["period_ns"].get<double>();
  EXPECT_NEAR(sampled_ns / static_cast<double>(spun_ns + called_ns), 1, 0.1);
}

TEST_F(CrossCheck, SystemCallsAreAsManyAsWereMade) {
  constexpr int64_t kCalls = 20'000;
  const auto findings = LookWhile(Pass::kTrace, [&] { CallGetppid(kCalls); });
  if (!findings) GTEST_SKIP() << why_;
  EXPECT_EQ(findings->record["events_lost"], 0u);
  EXPECT_NEAR(findings->record["system_calls"]["getppid"].get<double>(), kCalls, 0.05 * kCalls);
  EXPECT_EQ(findings->record["requests"], 1.0);
}

TEST_F(CrossCheck, SwitchesAreAsManyAsTheKernelCounts) {
  constexpr int64_t kRounds = 3000;
  int64_t counted = 0;
  const auto findings = LookWhile(Pass::kTrace, [&] { counted = FutexPingPong(cpu_, kRounds); });
  if (!findings) GTEST_SKIP() << why_;
  const nlohmann::json& record = findings->record;
  EXPECT_EQ(record["events_lost"], 0u);
  const auto switches = static_cast<double>(counted);
  EXPECT_NEAR(record["switches"].get<double>(), switches, 0.05 * switches);
  EXPECT_GE(switches, 0.95 * 2 * kRounds);
  // All of them were in a futex, but for who was preempted by the one that it woke.
  const double blocked = record["off_cpu"].at("futex")["count"].get<double>();
  EXPECT_GE(blocked, 0.95 * kRounds);
  EXPECT_NEAR(blocked + record["preemptions"].get<double>(), switches, 0.05 * switches);
  EXPECT_NEAR(record["wakings"].get<double>(), blocked, 0.05 * switches);
  // Those of the first half of the time.
  EXPECT_GT(record["run_queue_ns"]["count"], 0);
  EXPECT_LT(record["run_queue_ns"]["count"], record["wakings"]);
  // Each thread wakes the other once a round.
  EXPECT_GE(record["system_calls"]["futex"].get<double>(), 2.0 * kRounds);
}

}  // namespace
}  // namespace crossover
