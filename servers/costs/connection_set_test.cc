#include "servers/costs/connection_set.h"

#include <gtest/gtest.h>

#include "base/cpu_list.h"

namespace crossover {
namespace {

constexpr size_t kConnections = 100;

TEST(ConnectionSet, AClosedLoopHasAllConnectionsReady) {
  const std::vector<int> cpus = AllowedCpus();
  if (cpus.size() < 2) GTEST_SKIP() << "needs two CPUs";
  ConnectionSet set({.server_cpu = cpus.front(), .client_cpu = cpus.back()}, kConnections);
  set.peer().Allow(kConnections);
  for (const size_t most : {size_t{1}, size_t{64}, size_t{1}, size_t{64}}) {
    const ConnectionSet::Round round = set.ServeClosed(most);
    EXPECT_EQ(round.requests, most);
    EXPECT_GT(round.send_ns, 0);
    EXPECT_EQ(round.request_ns, 0);
  }
  const ConnectionSet::Round all = set.ServeClosed(ConnectionSet::kBatch, /*in_turns=*/true);
  EXPECT_EQ(all.requests, kConnections);
  EXPECT_GT(all.request_ns, 0);
  set.Finish();
  // And now only those that were allowed.
  set.peer().Allow(5);
  EXPECT_EQ(set.Serve(7).requests, 5u);
  EXPECT_EQ(set.Serve(0).requests, 7u);
}

}  // namespace
}  // namespace crossover
