#include "harness/probes/softirq_threads.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/cpu_list.h"

namespace crossover {
namespace {

using testing::HasSubstr;

TEST(SoftirqThreads, AreThoseOfTheCpus) {
  SoftirqThreads threads;
  const std::vector<int> cpus = AllowedCpus();
  std::string why = threads.Open(cpus);
  if (!why.empty()) GTEST_SKIP() << why;
  EXPECT_EQ(threads.pids().size(), cpus.size());
  const double before = threads.CpuNs(why).value_or(-1);
  EXPECT_GT(before, 0) << why;
  EXPECT_GE(threads.CpuNs(why).value_or(-1), before) << why;
}

TEST(SoftirqThreads, AreNoneOfACpuThatIsNotThere) {
  SoftirqThreads threads;
  const bool apart = !threads.Open(AllowedCpus()).empty();
  if (apart) GTEST_SKIP() << "they are not counted here at all";
  EXPECT_THAT(threads.Open({100'000}), HasSubstr("ksoftirqd of the server's CPUs"));
  EXPECT_TRUE(threads.pids().empty());
  std::string why;
  EXPECT_EQ(threads.CpuNs(why), 0);
}

}  // namespace
}  // namespace crossover
