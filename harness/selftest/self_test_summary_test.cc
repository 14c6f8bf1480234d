#include "harness/selftest/self_test_summary.h"

#include <gmock/gmock.h>

#include <cmath>
#include <string>
#include <vector>

#include "base/error.h"
#include "harness/selftest/self_test_log.h"

namespace crossover {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// Of 16 blocks of two pairs; the logarithms of the blocks' ratios lie evenly around that of
// `ratio`, up to `spread` away.
json Duet(double injected, double ratio, double spread = 0.02,
          const char* utc = "2026-11-27T01:00:00Z") {
  json blocks = json::array();
  for (int i = 0; i < 16; ++i) {
    const double own_us = 5 * ratio * std::exp(spread * (2 * i - 15) / 15);
    blocks.push_back({{own_us, 5.0}, {own_us, 5.0}});
  }
  return {{"check", "duet"},        {"architecture", "fiber"},
          {"injected", injected},   {"injected_by", kSelfTestInjection},
          {"slice_ns", 25'000'000}, {"cpu_us_by_block", blocks},
          {"seconds", 9.5},         {"utc", utc}};
}

json Ledger(bool closes) {
  return {{"check", "ledger"},
          {"architecture", "fiber"},
          {"verified", 1000},
          {"closes", closes},
          {"detail", closes ? "" : "one is missing"},
          {"utc", "2026-11-27T01:00:00Z"}};
}

json Stall(double found_ms) {
  return {{"check", "stall"},
          {"stall_ms", 500},
          {"period_ms", 2500},
          {"quantiles", {{{"quantile", 0.99}, {"expected_ms", 475}, {"found_ms", found_ms}}}},
          {"utc", "2026-11-27T01:00:00Z"}};
}

// Expected: the tables of Clopper and Pearson's intervals; R 4.2's binom.test.
TEST(IntervalOfShare, EqualsAnotherImplementation) {
  EXPECT_NEAR(IntervalOfShare(5, 100).low, 0.01643187918, 1e-8);
  EXPECT_NEAR(IntervalOfShare(5, 100).high, 0.1128349111, 1e-8);
  EXPECT_EQ(IntervalOfShare(0, 10).low, 0);
  EXPECT_NEAR(IntervalOfShare(0, 10).high, 0.3084971078, 1e-8);
  EXPECT_NEAR(IntervalOfShare(10, 10).low, 0.6915028922, 1e-8);
  EXPECT_EQ(IntervalOfShare(10, 10).high, 1);
}

TEST(JudgeSelfTestDuet, SaysWhatTheSlicesOfTheDuetSay) {
  json line = Duet(0, 1.2);
  std::vector<DuetPair> pairs;
  for (size_t block = 0; block < 16; ++block) {
    for (const json& pair : line["cpu_us_by_block"][block]) {
      const auto slice = [](double cpu_us) {
        return DuetSlice{.verified = 1e6, .seconds = 1, .cpu_seconds = cpu_us, .server_seconds = 1};
      };
      pairs.push_back({.own = slice(pair[0]), .baseline = slice(pair[1]), .block = block});
    }
  }
  const auto of_slices = CompareSlices(pairs, "cpu_us_per_request");
  const auto of_line = JudgeSelfTestDuet(line);
  ASSERT_TRUE(of_line && of_slices);
  EXPECT_NEAR(of_line->ratio.ratio, 1.2, 0.005);
  EXPECT_NEAR(of_line->ratio.ratio, of_slices->ratio.ratio, 1e-9);
  EXPECT_NEAR(of_line->ratio.interval95->low, of_slices->ratio.interval95->low, 1e-9);
  EXPECT_NEAR(of_line->ratio.interval95->high, of_slices->ratio.interval95->high, 1e-9);
  EXPECT_EQ(of_line->ratio.probability, of_slices->ratio.probability);
  EXPECT_EQ(of_line->pairs, 32u);

  line["cpu_us_by_block"].push_back(json::array());  // of which no pair could be used
  EXPECT_EQ(JudgeSelfTestDuet(line)->blocks(), 16u);
  line["cpu_us_by_block"] = json::parse("[[[5, 5], [6, 5]], [[5, 5]]]");
  EXPECT_FALSE(JudgeSelfTestDuet(line));
  line.erase("cpu_us_by_block");
  EXPECT_FALSE(JudgeSelfTestDuet(line));
}

TEST(SelfTestSummary, CountsWhatWasFoundInTheRightDirection) {
  json of_before_ranks = Duet(0.03, 1.5);
  of_before_ranks.erase("cpu_us_by_block");
  json of_a_server_that_spun = Duet(0.03, 1.5);
  of_a_server_that_spun.erase("injected_by");
  const std::vector<json> lines = {of_before_ranks,
                                   of_a_server_that_spun,
                                   Duet(0, 1.001),
                                   Duet(0, 0.93),
                                   Duet(0.03, 1.03),
                                   Duet(0.03, 0.96),
                                   Duet(0.1, 1.1, 0.02, "2026-11-28T02:00:00Z")};
  const auto summary = SummariseSelfTest(lines, "00ff");
  const auto& detection = summary["detection"];
  ASSERT_EQ(detection.size(), 3u);
  EXPECT_EQ(detection[0]["injected"], 0);
  EXPECT_EQ(detection[0]["comparisons"], 2);
  EXPECT_EQ(detection[0]["found"], 1);
  EXPECT_EQ(detection[0]["covered"], 1);
  EXPECT_EQ(detection[1]["found"], 1);  // the other found the contrary
  EXPECT_EQ(detection[1]["covered"], 1);
  EXPECT_EQ(detection[2]["found"], 1);
  EXPECT_TRUE(summary["smallest_found"].is_null());  // of one or two duets nothing is said
  EXPECT_EQ(summary["first_utc"], "2026-11-27T01:00:00Z");
  EXPECT_EQ(summary["last_utc"], "2026-11-28T02:00:00Z");
  EXPECT_EQ(summary["quote"],
            "Self-test on this machine (2026-11-28), single duets at 200 connections: a server was "
            "found to differ from itself in 1 "
            "of 2 duets, one that takes 3 % more CPU was told from it in 1 of 2 duets, one that "
            "takes 10 % more CPU was told from it in 1 of 1 duet.");
}

TEST(SelfTestSummary, OneFalseFindingInTwentyIsWhatTheLevelMeans) {
  std::vector<json> lines(19, Duet(0, 1));
  lines.push_back(Duet(0, 1.015));
  EXPECT_THAT(SummariseSelfTest(lines, "00ff")["failures"], IsEmpty());
  for (int i = 0; i < 5; ++i) lines.push_back(Duet(0, 1.015));
  const auto failures = SummariseSelfTest(lines, "00ff")["failures"];
  ASSERT_EQ(failures.size(), 2u);  // what is called different has an interval without the truth
  EXPECT_THAT(failures[0].get<std::string>(), HasSubstr("from itself in 6 of 25 comparisons"));
  EXPECT_THAT(failures[1].get<std::string>(), HasSubstr("held the truth in 19 of 25"));
}

TEST(SelfTestSummary, FailsForALossyLedgerAndAWrongQuantile) {
  EXPECT_THAT(SummariseSelfTest(std::vector<json>{Ledger(true), Stall(478)}, "00ff")["failures"],
              IsEmpty());
  const auto summary = SummariseSelfTest(std::vector<json>{Ledger(false), Stall(120)}, "00ff");
  ASSERT_EQ(summary["failures"].size(), 2u);
  EXPECT_EQ(summary["failures"][0], "the ledger of fiber does not close: one is missing");
  EXPECT_THAT(summary["failures"][1].get<std::string>(),
              HasSubstr("is 475 ms and was read as 120 ms"));
  EXPECT_THAT(RenderSelfTest(summary), HasSubstr("FAILED: the ledger of fiber"));
}

TEST(SelfTestSummary, FailsIfALargeEffectIsMissedOrIntervalsMissTheTruth) {
  const std::vector<json> missed(4, Duet(0.1, 1.1, 0.5));
  const auto failures = SummariseSelfTest(missed, "00ff")["failures"];
  ASSERT_EQ(failures.size(), 1u);
  EXPECT_EQ(failures[0], "10 % more CPU was found in 0 of 4 comparisons");
  const std::vector<json> beside(4, Duet(0.1, 1.3));
  EXPECT_THAT(SummariseSelfTest(beside, "00ff")["failures"][0].get<std::string>(),
              HasSubstr("held the truth in 0 of 4 comparisons"));
}

TEST(SelfTestSummary, TheLastLedgerOfAnArchitectureCounts) {
  const auto summary = SummariseSelfTest(std::vector<json>{Ledger(false), Ledger(true)}, "00ff");
  EXPECT_THAT(summary["failures"], IsEmpty());
}

TEST(SelfTestSummary, ShowsATable) {
  std::vector<json> lines(10, Duet(0.03, 1.03));
  lines.push_back(Duet(0, 1));
  lines.push_back({{"check", "duet"},
                   {"architecture", "prefork"},
                   {"injected", 0},
                   {"unavailable", "many processes"},
                   {"utc", "2026-11-27T01:00:00Z"}});
  lines.push_back({{"check", "duet"},
                   {"architecture", "fiber"},
                   {"injected", 0.03},
                   {"unavailable", "no priority"},
                   {"utc", "2026-11-27T01:00:00Z"}});
  const std::string text = RenderSelfTest(SummariseSelfTest(lines, "00ff"));
  EXPECT_THAT(text, HasSubstr("3 % more CPU                   10 of 10"));
  EXPECT_THAT(text, HasSubstr("No duet with itself: prefork\n"));
  EXPECT_THAT(text, HasSubstr("A difference could not be injected: no priority\n"));
  EXPECT_THAT(text, HasSubstr("A difference of 3 % is found in 9 of 10 duets, or more."));
}

TEST(SelfTestLog, LeavesOutWhatACrashCutOff) {
  const std::string whole = Duet(0, 1).dump() + "\n" + Ledger(true).dump() + "\n";
  const SelfTestLog log = ParseSelfTestLog(whole + "{\"check\":\"du", "log");
  EXPECT_THAT(log.lines, ElementsAre(Duet(0, 1), Ledger(true)));
  EXPECT_EQ(log.complete_bytes, whole.size());
}

TEST(SelfTestLog, RefusesWhatIsNoLineOfIt) {
  const auto message = [](json line, const char* key, const json& value) {
    line[key] = value;
    try {
      ParseSelfTestLog(line.dump() + "\n", "log");
    } catch (const UsageError& error) {
      return std::string(error.what());
    }
    return std::string("taken");
  };
  EXPECT_EQ(message(Duet(0, 1), "seconds", 3), "taken");
  EXPECT_THAT(message(Duet(0, 1), "check", "dance"), HasSubstr("log:1: check"));
  EXPECT_THAT(message(Duet(0, 1), "cpu_us_by_block", json::parse("[[[5.1, 0]]]")),
              HasSubstr("log:1: cpu_us_by_block[0][0]: must be two numbers above 0"));
  EXPECT_THAT(message(Duet(0, 1), "cpu_us_by_block", json::parse("[[[5.1]]]")),
              HasSubstr("two numbers"));
  EXPECT_THAT(message(Duet(0, 1), "injected", -1), HasSubstr("injected"));
  EXPECT_THAT(message(Duet(0, 1), "seconds", nullptr), HasSubstr("log:1: seconds"));
  EXPECT_THAT(message(Ledger(true), "closes", 1), HasSubstr("log:1: closes"));
  EXPECT_THAT(message(Stall(470), "quantiles", 1), HasSubstr("log:1: quantiles"));
}

}  // namespace
}  // namespace crossover
