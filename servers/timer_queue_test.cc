#include "servers/timer_queue.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>
#include <random>
#include <vector>

namespace crossover {
namespace {

struct Named : TimerQueue::Timer {
  int name = 0;
};

TEST(TimerQueue, HasNoDeadlineWhenEmpty) {
  TimerQueue queue;
  EXPECT_EQ(queue.next_deadline_ns(), TimerQueue::kNever);
  EXPECT_EQ(queue.Expire(TimerQueue::kNever), nullptr);
}

TEST(TimerQueue, ExpiresInTheOrderOfDeadlinesAndNeverEarly) {
  TimerQueue queue;
  std::array<Named, 3> timers;
  queue.Arm(timers[0], 300);
  queue.Arm(timers[1], 100);
  queue.Arm(timers[2], 200);
  EXPECT_EQ(queue.next_deadline_ns(), 100);
  EXPECT_EQ(queue.Expire(99), nullptr);
  EXPECT_EQ(queue.Expire(100), &timers[1]);
  EXPECT_FALSE(timers[1].armed());
  EXPECT_EQ(queue.Expire(100), nullptr);
  EXPECT_EQ(queue.Expire(1000), &timers[2]);
  EXPECT_EQ(queue.Expire(1000), &timers[0]);
  EXPECT_EQ(queue.next_deadline_ns(), TimerQueue::kNever);
}

TEST(TimerQueue, DisarmsAndArmsAgain) {
  TimerQueue queue;
  std::array<Named, 3> timers;
  for (size_t i = 0; i < timers.size(); ++i) {
    queue.Arm(timers[i], 10 * static_cast<int64_t>(i + 1));
  }
  queue.Disarm(timers[0]);
  queue.Disarm(timers[0]);
  EXPECT_EQ(queue.next_deadline_ns(), 20);
  queue.Arm(timers[2], 5);  // moved to the front
  EXPECT_EQ(queue.size(), 2u);
  EXPECT_EQ(queue.Expire(30), &timers[2]);
  EXPECT_EQ(queue.Expire(30), &timers[1]);
  EXPECT_EQ(queue.size(), 0u);
}

// Against a sorted map that is told the same.
TEST(TimerQueue, AgreesWithASortedMap) {
  std::mt19937 random(1);  // NOLINT(bugprone-random-generator-seed,cert-msc51-cpp): repeatable
  std::vector<Named> timers(200);
  for (size_t i = 0; i < timers.size(); ++i) timers[i].name = static_cast<int>(i);
  TimerQueue queue;
  std::map<int, int64_t> deadlines;
  const auto earliest = [&] {
    int64_t first = TimerQueue::kNever;
    for (const auto& [name, deadline_ns] : deadlines) first = std::min(first, deadline_ns);
    return first;
  };
  for (int step = 0; step < 20'000; ++step) {
    Named& timer = timers[random() % timers.size()];
    switch (random() % 4) {
      case 0:
      case 1: {
        const auto deadline_ns = static_cast<int64_t>(random() % 1000);
        queue.Arm(timer, deadline_ns);
        deadlines[timer.name] = deadline_ns;
        break;
      }
      case 2:
        queue.Disarm(timer);
        deadlines.erase(timer.name);
        break;
      default: {
        const auto now_ns = static_cast<int64_t>(random() % 300);
        const int64_t first_ns = earliest();
        const auto* const expired = static_cast<Named*>(queue.Expire(now_ns));
        ASSERT_EQ(expired != nullptr, first_ns <= now_ns);
        if (expired == nullptr) break;
        ASSERT_EQ(deadlines.at(expired->name), first_ns);
        deadlines.erase(expired->name);
      }
    }
    ASSERT_EQ(queue.size(), deadlines.size());
    ASSERT_EQ(queue.next_deadline_ns(), earliest());
  }
}

}  // namespace
}  // namespace crossover
