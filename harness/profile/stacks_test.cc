#include "harness/profile/stacks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <bit>

#include "base/error.h"

// Ends with a call, so that the call returns to what comes after it.
extern "C" {
[[gnu::noinline]] void CrossoverStacksTestLeaf() {}
[[gnu::noinline]] void CrossoverStacksTestCaller() { CrossoverStacksTestLeaf(); }
}

namespace crossover {
namespace {

using testing::StartsWith;

std::string LineMessage(const std::string& text) {
  try {
    ParseFolded(text, "x.folded");
  } catch (const UsageError& error) {
    return error.what();
  }
  return "accepted";
}

TEST(Folded, SurvivesTheRoundTrip) {
  const Stacks stacks = {
      {{{"main", false}}, 1},
      {{{"main", false}, {"crossover::Serve", false}}, 2},
      {{{"main", false}, {"do_syscall_64", true}, {"tcp_sendmsg", true}}, UINT64_MAX},
      {{{"f", false}, {"f", false}, {"f", false}}, 3},              // recursion
      {{{"f", false}}, 5},                                          // is another stack
      {{{"operator new", false}, {"A::operator bool", false}}, 7},  // spaces
      {{{"f", true}}, 11},                                          // the kernel's f
      {{{"Serve::{lambda#1}::operator()", false}, {"[k]", false}}, 13}};
  const std::string text = ToFolded(stacks);
  EXPECT_EQ(ParseFolded(text, "x"), stacks);
  EXPECT_THAT(text,
              testing::HasSubstr("main;do_syscall_64_[k];tcp_sendmsg_[k] 18446744073709551615\n"));
  EXPECT_THAT(text, testing::HasSubstr("operator new;A::operator bool 7\n"));
  EXPECT_EQ(ToFolded({}), "");
  EXPECT_TRUE(ParseFolded("", "x").empty());
}

TEST(Folded, AddsUpLinesThatAreTheSame) {
  const Stacks stacks = ParseFolded("a;b 2\n\na;b 3\na 1", "x");
  EXPECT_EQ(stacks, (Stacks{{{{"a", false}, {"b", false}}, 5}, {{{"a", false}}, 1}}));
  EXPECT_EQ(TotalSamples(stacks), 6u);
  EXPECT_EQ(TotalSamples({}), 0u);
}

TEST(Folded, RefusesWhatIsNoSuchLine) {
  EXPECT_EQ(LineMessage("main 1\nmain;Serve\n"),
            "x.folded:2: is no line of folded stacks, as in \"main;Serve 17\"");
  for (const char* line : {"main;Serve", "17", " 17", "main ", "main -1", "main 1.5", "main 17x",
                           "main 18446744073709551616", "main;Serve 17 ", "{\"a\": 1}"}) {
    EXPECT_THAT(LineMessage(line), StartsWith("x.folded:1: is no line")) << line;
  }
}

TEST(NameStacks, TakesTheCallForWhatACallReturnsTo) {
  Symbols symbols(getpid());
  const auto leaf = std::bit_cast<uint64_t>(&CrossoverStacksTestLeaf);
  const auto caller = std::bit_cast<uint64_t>(&CrossoverStacksTestCaller);
  const std::string before_leaf = symbols.UserName(leaf - 1);
  const std::string before_caller = symbols.UserName(caller - 1);
  ASSERT_NE(before_leaf, "CrossoverStacksTestLeaf");
  StackSamples samples;
  // The leaf's own address is exact; the others are just after the call, which may be where the
  // next function begins.
  samples.stacks[{.kernel = {}, .user = {leaf, caller, leaf}}] = 2;
  samples.stacks[{.kernel = {}, .user = {caller, leaf + 1}}] = 3;
  EXPECT_EQ(
      NameStacks(samples, symbols),
      (Stacks{
          {{{before_leaf, false}, {before_caller, false}, {"CrossoverStacksTestLeaf", false}}, 2},
          {{{"CrossoverStacksTestLeaf", false}, {"CrossoverStacksTestCaller", false}}, 3}}));
}

TEST(NameStacks, PutsTheKernelAfterTheProcessAndAddsUpWhatHasOneName) {
  Symbols symbols(getpid());
  const auto leaf = std::bit_cast<uint64_t>(&CrossoverStacksTestLeaf);
  const auto caller = std::bit_cast<uint64_t>(&CrossoverStacksTestCaller);
  StackSamples samples;
  // No kernel is at such addresses. Both user frames are exact: where the system call was made.
  samples.stacks[{.kernel = {0x1000, 0x2000}, .user = {leaf, caller + 1}}] = 2;
  samples.stacks[{.kernel = {0x1001, 0x2001}, .user = {leaf, caller + 1}}] = 3;
  samples.stacks[{}] = 5;
  EXPECT_EQ(NameStacks(samples, symbols), (Stacks{{{{"CrossoverStacksTestCaller", false},
                                                    {"CrossoverStacksTestLeaf", false},
                                                    {"[kernel]", true},
                                                    {"[kernel]", true}},
                                                   5},
                                                  {{{"[unknown]", false}}, 5}}));
}

}  // namespace
}  // namespace crossover
