#include "servers/fiber_scheduler.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>
#include <thread>

#include "base/clock.h"
#include "servers/sanitizers.h"

namespace crossover {
namespace {

ArchitectureOptions WithWorkers(size_t workers) {
  ArchitectureOptions options;
  options.workers = workers;
  options.batch = 16;  // so that busy workers look for events in between
  return options;
}

TEST(FiberStack, IsNoneWhenThereIsNoRoom) { EXPECT_FALSE(FiberStack::Map(size_t{1} << 58)); }

#if !defined(CROSSOVER_ASAN) && \
    !defined(CROSSOVER_TSAN)  // which say in their own way that it ended
TEST(FiberStackDeathTest, AnOverflowEndsTheProcess) {
  const auto stack = FiberStack::Map(0);
  ASSERT_TRUE(stack);
  volatile char* const bottom = stack->bottom();
  bottom[0] = 1;
  EXPECT_EXIT(bottom[-1] = 1, testing::KilledBySignal(SIGSEGV), "");
}
#endif

TEST(FiberContext, RunsInTurnsOnWhicheverThreadResumesIt) {
  FiberContext context(*FiberStack::Map(0));
  for (int round = 0; round < 3; ++round) {  // the same stack again
    int steps = 0;
    context.Start([&] {
      ++steps;
      context.Suspend();
      ++steps;
      context.Suspend();
      ++steps;
    });
    EXPECT_EQ(steps, 0);
    EXPECT_TRUE(context.Resume());
    EXPECT_EQ(steps, 1);
    std::thread([&] { EXPECT_TRUE(context.Resume()); }).join();
    EXPECT_EQ(steps, 2);
    EXPECT_FALSE(context.Resume());
    EXPECT_EQ(steps, 3);
  }
}

TEST(FiberScheduler, EndsWithTheLastFibre) {
  FiberScheduler scheduler(WithWorkers(3));
  std::atomic<int> ended{0};
  ASSERT_TRUE(scheduler.Spawn([&](Fiber& self) {
    for (int i = 0; i < 500; ++i) {
      ASSERT_TRUE(scheduler.Spawn([&](Fiber&) { ++ended; }, &self));
    }
  }));
  scheduler.Run();
  EXPECT_EQ(ended, 500);
}

// Pairs of fibres, each of which waits for the other's byte. A wake-up that is lost leaves the
// process hanging.
class Pairs : public testing::TestWithParam<size_t> {};

TEST_P(Pairs, LoseNoWakening) {
  constexpr int kPairs = 20;
  constexpr int kBounces = 500;
  FiberScheduler scheduler(WithWorkers(GetParam()));
  std::array<std::array<Fd, 2>, kPairs> sockets;
  std::atomic<int> bounced{0};
  const auto bounce = [&](Fiber& self, int fd, bool serves) {
    ASSERT_TRUE(scheduler.Watch(fd, EPOLLIN | EPOLLET, self));
    char ball = 'o';
    const auto hit = [&] { ASSERT_EQ(::send(fd, &ball, 1, 0), 1); };
    if (serves) hit();
    for (int i = 0; i < kBounces; ++i) {
      while (::recv(fd, &ball, 1, MSG_DONTWAIT) != 1) self.Park();
      if (i + 1 < kBounces || !serves) hit();
      ++bounced;
    }
  };
  for (auto& pair : sockets) {
    std::array<int, 2> fds{};
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds.data()), 0);
    for (size_t side = 0; side < 2; ++side) {
      pair[side].Reset(fds[side]);
      const int fd = fds[side];
      ASSERT_TRUE(
          scheduler.Spawn([&bounce, fd, side](Fiber& self) { bounce(self, fd, side == 0); }));
    }
  }
  scheduler.Run();
  EXPECT_EQ(bounced, 2 * kPairs * kBounces);
}

TEST_P(Pairs, LoseNoTimer) {
  FiberScheduler scheduler(WithWorkers(GetParam()));
  std::atomic<int> still_armed{0};
  std::atomic<int> ended{0};
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(scheduler.Spawn([&, i](Fiber& self) {
      for (int round = 0; round < 20; ++round) {
        const int64_t deadline_ns = MonotonicNs() + (i * 7919 + round * 104'729) % 1'000'000;
        while (MonotonicNs() < deadline_ns) self.ParkUntil(deadline_ns);
        if (self.armed()) ++still_armed;
      }
      ++ended;
    }));
  }
  scheduler.Run();
  EXPECT_EQ(still_armed, 0);
  EXPECT_EQ(ended, 100);
}

INSTANTIATE_TEST_SUITE_P(FiberScheduler, Pairs, testing::Values(1, 2, 4));

// One worker is held up; what it had queued is done by the other.
TEST(FiberScheduler, StealsFromAWorkerThatIsHeldUp) {
  FiberScheduler scheduler(WithWorkers(2));
  std::atomic<int> done{0};
  ASSERT_TRUE(scheduler.Spawn([&](Fiber& self) {
    for (int i = 0; i < 10; ++i) ASSERT_TRUE(scheduler.Spawn([&](Fiber&) { ++done; }, &self));
    while (done < 10) std::this_thread::yield();  // ends only if another thread runs them
  }));
  scheduler.Run();
  EXPECT_EQ(done, 10);
}

}  // namespace
}  // namespace crossover
