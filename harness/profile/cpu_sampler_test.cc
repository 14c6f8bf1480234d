#include "harness/profile/cpu_sampler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>

#include "harness/profile/known_work.h"
#include "harness/profile/stacks.h"

namespace crossover {
namespace {

TEST(CpuSampler, SeesWhatAThreadDoesForAsLongAsItDoes) {
  const int cpu = AllowedCpus().front();
  std::string why;
  auto sampler = CpuSampler::Open({cpu}, 1999, 60, why);
  if (!sampler) GTEST_SKIP() << why;
  Symbols symbols(getpid());
  StackSamples samples;
  double sampled_per_taken = 0;
  // Others that run on this CPU have interrupts that come in this one's time, and are sampled.
  for (int tries = 0; tries < 5 && std::abs(sampled_per_taken - 1) > 0.1; ++tries) {
    int64_t taken_ns = 0;
    RunOn(cpu, [&] {
      HandlerThatSpins(50'000'000);  // not sampled
      sampler->Enable();
      taken_ns = HandlerThatSpins(500'000'000);
      sampler->Disable();
      HandlerThatSpins(50'000'000);
    });
    samples = sampler->Take({getpid()});
    EXPECT_EQ(samples.lost, 0u);
    EXPECT_EQ(samples.period_ns, 500'250);
    sampled_per_taken =
        static_cast<double>(samples.samples) * 500'250.0 / static_cast<double>(taken_ns);
  }
  EXPECT_NEAR(sampled_per_taken, 1, 0.1);
  uint64_t with_it = 0;
  const Stacks stacks = NameStacks(samples, symbols);
  for (const auto& [stack, count] : stacks) {
    if (std::ranges::count(stack, Frame{"crossover::HandlerThatSpins", false}) > 0) {
      with_it += count;
    }
  }
  EXPECT_EQ(TotalSamples(stacks), samples.samples);
  EXPECT_GE(static_cast<double>(with_it), 0.9 * static_cast<double>(samples.samples));
  EXPECT_EQ(sampler->Take({getpid()}).samples, 0u);  // they were taken
}

TEST(CpuSampler, LeavesOutOtherProcesses) {
  const int cpu = AllowedCpus().front();
  std::string why;
  auto sampler = CpuSampler::Open({cpu}, 1999, 60, why);
  if (!sampler) GTEST_SKIP() << why;
  sampler->Enable();
  RunOn(cpu, [] { HandlerThatSpins(100'000'000); });
  sampler->Disable();
  const StackSamples samples = sampler->Take({getppid()});
  EXPECT_GT(samples.others, 100u);
  EXPECT_TRUE(samples.samples == 0 || samples.others > samples.samples);
}

TEST(CpuSampler, SaysHowManySamplesDidNotFit) {
  const int cpu = AllowedCpus().front();
  std::string why;
  auto sampler = CpuSampler::Open({cpu}, 1999, 0.001, why);  // room for a page of them
  if (!sampler) GTEST_SKIP() << why;
  int64_t taken_ns = 0;
  sampler->Enable();
  RunOn(cpu, [&] { taken_ns = HandlerThatSpins(500'000'000); });
  sampler->Disable();
  const StackSamples samples = sampler->Take({getpid()});
  EXPECT_GT(samples.samples + samples.others, 0u);
  const auto sampled_ns = static_cast<double>(samples.samples + samples.others + samples.lost) *
                          static_cast<double>(samples.period_ns);
  EXPECT_GE(sampled_ns, 0.9 * static_cast<double>(taken_ns));
  EXPECT_EQ(sampler->Take({getpid()}).lost, 0u);  // it was told
}

TEST(CpuSampler, SaysWhyACpuCannotBeSampled) {
  std::string why;
  EXPECT_FALSE(CpuSampler::Open({CPU_SETSIZE * 64}, 1999, 1, why));
  EXPECT_THAT(why, testing::HasSubstr("perf_event_open: "));
}

}  // namespace
}  // namespace crossover
