#include "harness/profile/top_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace crossover {
namespace {

using testing::HasSubstr;
using testing::Not;

Stacks SampleStacks() {
  return ParseFolded(
      "main;Loop;Parse 10\n"
      "main;Loop;send;do_syscall_64_[k];send_[k] 30\n"
      "main;Loop 5\n"
      "main;Walk;Walk;Walk 15\n",
      "x");
}

const TopRow& RowOf(const std::vector<TopRow>& top, const Frame& frame) {
  for (const TopRow& row : top) {
    if (row.frame == frame) return row;
  }
  ADD_FAILURE() << frame.name;
  return top.front();
}

TEST(Top, CountsAFunctionAndWhatItCalled) {
  const std::vector<TopRow> top = TopOf(SampleStacks());
  ASSERT_EQ(top.size(), 7u);
  EXPECT_EQ(top.front().frame.name, "main");
  EXPECT_EQ(top.front().flat, 0u);
  EXPECT_EQ(top.front().cumulative, 60u);
  EXPECT_EQ(top[1].frame.name, "Loop");
  EXPECT_EQ(top[1].flat, 5u);
  EXPECT_EQ(top[1].cumulative, 45u);
  // Of one name, and not one function.
  EXPECT_EQ(RowOf(top, {"send", false}).flat, 0u);
  EXPECT_EQ(RowOf(top, {"send", false}).cumulative, 30u);
  EXPECT_EQ(RowOf(top, {"send", true}).flat, 30u);
  for (size_t i = 1; i < top.size(); ++i) {
    EXPECT_GE(top[i - 1].cumulative, top[i].cumulative);
  }
  EXPECT_TRUE(TopOf({}).empty());
}

TEST(Top, CountsARecursiveFunctionOncePerChain) {
  const TopRow walk = RowOf(TopOf(SampleStacks()), {"Walk", false});
  EXPECT_EQ(walk.flat, 15u);
  EXPECT_EQ(walk.cumulative, 15u);
}

TEST(Top, IsATableLikePprofs) {
  const Stacks stacks = ParseFolded("a;b_[k] 3\na 1\n", "x");
  EXPECT_EQ(RenderTop(TopOf(stacks), TotalSamples(stacks), 0.5, 10, "title"),
            "title\n"
            "      flat   flat%    sum%        cum    cum%  function\n"
            "     0.50s  25.00%  25.00%      2.00s 100.00%  a\n"
            "     1.50s  75.00% 100.00%      1.50s  75.00%  b [kernel]\n");
  const std::string cut = RenderTop(TopOf(stacks), 4, 0.5, 1, "title");
  EXPECT_THAT(cut, HasSubstr("  a\n"));
  EXPECT_THAT(cut, Not(HasSubstr("b [kernel]")));
}

TEST(TopSideBySide, ShowsTheLargestShareOfAnyColumnFirst) {
  const Stacks few = ParseFolded("main;Parse 8\nmain;Switch 2\n", "x");
  const Stacks many = ParseFolded("main;Parse 10\nmain;Switch 85\nmain;Fault 5\n", "x");
  const std::vector<TopRow> few_top = TopOf(few);
  const std::vector<TopRow> many_top = TopOf(many);
  const std::vector<TopColumn> columns = {{"200", &few_top, 10}, {"8,000", &many_top, 100}};
  EXPECT_EQ(RenderTopSideBySide(columns, 10, "title"),
            "title\n"
            "      200    8,000  function (share of samples, with what it calls)\n"
            "   100.0%   100.0%  main\n"
            "    20.0%    85.0%  Switch\n"
            "    80.0%    10.0%  Parse\n"
            "     0.0%     5.0%  Fault\n");
  EXPECT_THAT(RenderTopSideBySide(columns, 3, "title"), Not(HasSubstr("Fault")));
}

}  // namespace
}  // namespace crossover
