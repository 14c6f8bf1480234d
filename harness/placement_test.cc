#include "harness/placement.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/cpu_list.h"
#include "base/error.h"

namespace crossover {
namespace {

using Cpus = std::vector<int>;

// `count` CPUs, `smt` of them to a core, numbered as Linux does: siblings far apart.
std::vector<CpuCore> Machine(int count, int smt) {
  std::vector<CpuCore> cores;
  for (int cpu = 0; cpu < count; ++cpu) cores.push_back({.cpu = cpu, .core = cpu % (count / smt)});
  return cores;
}

CpuSets Isolated(const std::vector<CpuCore>& cores) { return PlaceCpus(cores, Placement{}); }

TEST(Placement, TwoCpusAreOneEach) {
  const CpuSets sets = Isolated(Machine(2, 1));
  EXPECT_EQ(sets.server, Cpus({0}));
  EXPECT_EQ(sets.client, Cpus({1}));
  EXPECT_FALSE(sets.Overlap());
}

TEST(Placement, TwoHardwareThreadsOfOneCoreAreOneEach) {
  const CpuSets sets = Isolated(Machine(2, 2));
  EXPECT_EQ(sets.server, Cpus({0}));
  EXPECT_EQ(sets.client, Cpus({1}));
}

TEST(Placement, ServerGetsAboutAThird) {
  const std::vector<std::pair<int, size_t>> expected = {{3, 1}, {4, 1}, {5, 2}, {8, 3}, {12, 4}};
  for (const auto& [cpus, server_cpus] : expected) {
    const CpuSets sets = Isolated(Machine(cpus, 1));
    EXPECT_EQ(sets.server.size(), server_cpus) << cpus;
    EXPECT_EQ(sets.server.size() + sets.client.size(), static_cast<size_t>(cpus));
    EXPECT_FALSE(sets.Overlap());
  }
}

TEST(Placement, CoresAreNotSplit) {
  const CpuSets sets = Isolated(Machine(8, 2));
  EXPECT_EQ(sets.server, Cpus({0, 4}));
  EXPECT_EQ(sets.client, Cpus({1, 2, 3, 5, 6, 7}));
}

TEST(Placement, OneCoreOfFourThreadsIsSplitAllTheSame) {
  const CpuSets sets = Isolated(Machine(4, 4));
  EXPECT_EQ(sets.server, Cpus({0}));
  EXPECT_EQ(sets.client, Cpus({1, 2, 3}));
}

TEST(Placement, OneCpuCannotBeIsolatedButShared) {
  try {
    Isolated(Machine(1, 1));
    ADD_FAILURE();
  } catch (const UsageError& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr("shared"));
  }
  Placement shared;
  shared.mode = Placement::Mode::kShared;
  const CpuSets sets = PlaceCpus(Machine(1, 1), shared);
  EXPECT_EQ(sets.server, Cpus({0}));
  EXPECT_EQ(sets.client, Cpus({0}));
  EXPECT_TRUE(sets.Overlap());
}

TEST(Placement, ExplicitIsTakenAsGivenIfAllowed) {
  Placement placement;
  placement.mode = Placement::Mode::kExplicit;
  placement.server_cpus = {3};
  placement.client_cpus = {0, 1};
  const CpuSets sets = PlaceCpus(Machine(4, 1), placement);
  EXPECT_EQ(sets.server, Cpus({3}));
  EXPECT_EQ(sets.client, Cpus({0, 1}));
  placement.client_cpus = {0, 9};
  try {
    PlaceCpus(Machine(4, 1), placement);
    ADD_FAILURE();
  } catch (const UsageError& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr("placement.client: CPU 9"));
    EXPECT_THAT(error.what(), testing::HasSubstr("0-3"));
  }
}

TEST(Placement, ReadsTheCpusOfThisMachine) {
  EXPECT_EQ(ReadAllowedCores().size(), AllowedCpus().size());
}

}  // namespace
}  // namespace crossover
