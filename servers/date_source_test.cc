#include "servers/date_source.h"

#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

namespace crossover {
namespace {

std::string Now(const DateSource& source) {
  const DateSource::Text text = source.Now();
  return {text.data(), text.size()};
}

TEST(DateSource, IsAnImfFixdate) {
  time_t second = 784111777;
  const DateSource source([&] { return second; });
  EXPECT_EQ(Now(source), "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(Now(source), "Sun, 06 Nov 1994 08:49:37 GMT");
  second = 1709208000;
  EXPECT_EQ(Now(source), "Thu, 29 Feb 2024 12:00:00 GMT");
}

// Readers on both sides of every change of the second: no mixture of two dates may come out.
TEST(DateSource, IsWholeWhileOthersFormat) {
  constexpr time_t kStart = 784111777;
  constexpr time_t kEnd = kStart + 20'000;
  std::atomic<time_t> second{kStart};
  const DateSource source([&] { return second.load(); });
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&] {
      for (time_t at = kStart; at < kEnd; at = second.fetch_add(1)) {
        const std::string text = Now(source);
        const int hours = std::stoi(text.substr(17, 2));
        const int minutes = std::stoi(text.substr(20, 2));
        const int seconds = std::stoi(text.substr(23, 2));
        // All within one day, after 08:49:37.
        const int since = ((hours - 8) * 60 + minutes - 49) * 60 + seconds - 37;
        ASSERT_GE(since, 0) << text;
        ASSERT_LE(since, kEnd + 10 - kStart) << text;
        ASSERT_EQ(text.substr(0, 17), "Sun, 06 Nov 1994 ");
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace crossover
