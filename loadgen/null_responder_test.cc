#include "loadgen/null_responder.h"

#include <gtest/gtest.h>

#include <limits>
#include <thread>

#include "loadgen/load_generator.h"

namespace crossover {
namespace {

TEST(StallScheduleTest, IsKnownInAdvance) {
  const StallSchedule stalls{.every_ns = 100, .duration_ns = 10};
  EXPECT_EQ(stalls.EndNs(1000, 1000), 0);  // the first comes after one period
  EXPECT_EQ(stalls.EndNs(1000, 1005), 0);
  EXPECT_EQ(stalls.EndNs(1000, 1099), 0);
  EXPECT_EQ(stalls.EndNs(1000, 1100), 1110);
  EXPECT_EQ(stalls.EndNs(1000, 1109), 1110);
  EXPECT_EQ(stalls.EndNs(1000, 1110), 0);
  EXPECT_EQ(stalls.NextNs(1000, 1000), 1100);
  EXPECT_EQ(stalls.NextNs(1000, 1099), 1100);
  EXPECT_EQ(stalls.NextNs(1000, 1100), 1200);
  const StallSchedule none;
  EXPECT_EQ(none.EndNs(1000, 5000), 0);
  EXPECT_EQ(none.NextNs(1000, 5000), std::numeric_limits<int64_t>::max());
}

TEST(RequestEndsTest, AreFoundHoweverTheBytesAreSplit) {
  const std::string two = "GET / HTTP/1.1\r\nA: b\r\n\r\nGET / HTTP/1.1\r\nA: b\r\n\r\n";
  for (size_t split = 0; split <= two.size(); ++split) {
    RequestEnds ends;
    const size_t first = ends.Count(two.substr(0, split));
    EXPECT_EQ(first + ends.Count(two.substr(split)), 2u) << split;
  }
}

TEST(NullResponderTest, AnswersTheLoadGenerator) {
  NullResponder null(0);
  std::thread serving([&] { null.Run(); });
  LoadOptions options;
  options.url = "http://127.0.0.1:" + std::to_string(null.port()) + "/any";
  options.connections = 100;
  options.warmup_ns = 0;
  options.requests = 2000;
  const LoadResult result = crossover::Run(options);
  null.Stop();
  serving.join();
  EXPECT_TRUE(result.flawless());
  EXPECT_EQ(null.requests(), result.ledger.requests.scheduled);
}

}  // namespace
}  // namespace crossover
