#include "harness/search/crossing_search.h"

#include <gmock/gmock.h>

#include <cmath>
#include <functional>
#include <vector>

#include "harness/search/crossing_text.h"

namespace crossover {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

// Reads a known curve; what is nearer to 0 than `resolution` is not told apart.
CrossingSearch Search(const CrossingRules& rules, double resolution,
                      const std::function<double(double)>& log_ratio_at) {
  CrossingSearch search(rules);
  while (const auto place = search.Next()) {
    const double log_ratio = log_ratio_at(static_cast<double>(*place));
    search.Add({.at = *place,
                .log_ratio = log_ratio,
                .standard_error = 0.005,
                .told_apart = std::abs(log_ratio) > resolution});
  }
  return search;
}

double FlipsAt300(double place) { return 0.1 * std::log(place / 300); }

const CrossingNames kNames = {
    .first = "A", .second = "B", .noun = "CPU per request", .unit = "connections"};

TEST(CrossingSearch, FindsWhereTheOrderFlips) {
  const CrossingSearch search = Search({.low = 1, .high = 16'000}, 0.001, FlipsAt300);
  const auto crossings = search.Crossings();
  ASSERT_EQ(crossings.size(), 1u);
  EXPECT_LT(crossings[0].below.at, 300);
  EXPECT_GT(crossings[0].above.at, 300);
  EXPECT_LE(static_cast<double>(crossings[0].above.at),
            1.16 * static_cast<double>(crossings[0].below.at));
  EXPECT_NEAR(crossings[0].estimate, 300, 1);
  EXPECT_EQ(crossings[0].below.order(), -1);  // A's figure is the smaller one below
  EXPECT_FALSE(search.cut_short());
  EXPECT_LE(search.readings().size(), 12u);
}

TEST(CrossingSearch, KeepsTheRangeInWhichTheyAreNotToldApart) {
  const CrossingSearch search = Search({.low = 1, .high = 16'000}, 0.05, FlipsAt300);
  const auto crossings = search.Crossings();
  ASSERT_EQ(crossings.size(), 1u);
  // 0.05 / 0.1 is half a unit of the logarithm: 182 to 495.
  EXPECT_LT(crossings[0].below.at, 182);
  EXPECT_GT(crossings[0].below.at, 182 / 1.2);
  EXPECT_GT(crossings[0].above.at, 495);
  EXPECT_LT(crossings[0].above.at, 495 * 1.2);
  EXPECT_NEAR(crossings[0].estimate, 300, 1);
}

TEST(CrossingSearch, FindsTwo) {
  const auto bump = [](double place) { return 0.5 - std::abs(std::log(place / 100)) / 3; };
  const auto crossings =
      Search({.low = 1, .high = 10'000, .places_max = 40}, 0.001, bump).Crossings();
  ASSERT_EQ(crossings.size(), 2u);
  EXPECT_NEAR(crossings[0].estimate, 100 / std::exp(1.5), 2);
  EXPECT_NEAR(crossings[1].estimate, 100 * std::exp(1.5), 20);
}

TEST(CrossingSearch, WithoutOneLooksAtTheFirstPlacesOnly) {
  const CrossingSearch search =
      Search({.low = 1, .high = 16'000}, 0.001, [](double) { return -0.3; });
  EXPECT_EQ(search.readings().size(), 5u);
  EXPECT_TRUE(search.Crossings().empty());
  EXPECT_EQ(
      RenderCrossings(search, kNames),
      "No crossing from 1 to 16,000 connections: A has the lower CPU per request at each of 5 "
      "places.\n");
}

TEST(CrossingSearch, OfTwoThatAreAlikeSaysSo) {
  const CrossingSearch search = Search({.low = 1, .high = 100}, 0.1, [](double) { return 0.01; });
  EXPECT_THAT(RenderCrossings(search, kNames),
              StartsWith("No crossing: from 1 to 100 connections, no detectable difference in CPU "
                         "per request between A and B"));
}

TEST(CrossingSearch, EndsAtItsLimit) {
  const CrossingSearch search =
      Search({.low = 1, .high = 1'000'000, .places_max = 7}, 0.001, FlipsAt300);
  EXPECT_EQ(search.readings().size(), 7u);
  EXPECT_TRUE(search.cut_short());
  EXPECT_THAT(RenderCrossings(search, kNames), HasSubstr("allow more places"));
}

TEST(CrossingSearch, OfANarrowRangeReadsEachPlaceOnce) {
  const CrossingSearch search =
      Search({.low = 1, .high = 4}, 0.001, [](double place) { return place - 2.5; });
  std::vector<int64_t> places;
  for (const AxisReading& reading : search.readings()) places.push_back(reading.at);
  EXPECT_THAT(places, testing::ElementsAre(1, 2, 3, 4));
  EXPECT_THAT(RenderCrossings(search, kNames), HasSubstr("(2 to 3): A has the lower"));
}

}  // namespace
}  // namespace crossover
