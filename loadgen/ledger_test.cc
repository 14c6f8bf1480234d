#include "loadgen/ledger.h"

#include <gtest/gtest.h>

#include "loadgen/interval_counts.h"
#include "loadgen/load_generator.h"

namespace crossover {
namespace {

Ledger Example() {
  Ledger ledger;
  ledger.requests = {.scheduled = 36,
                     .verified = 8,
                     .wrong_status = 1,
                     .wrong_body = 2,
                     .malformed = 3,
                     .truncated = 4,
                     .reset = 5,
                     .timed_out = 6,
                     .in_flight_at_end = 7,
                     .verified_in_window = 3};
  ledger.connections = {.asked = 20,
                        .established = 5,
                        .refused = 1,
                        .timed_out = 2,
                        .reset = 3,
                        .no_port = 4,
                        .other = 5,
                        .lost = 2};
  return ledger;
}

TEST(Ledger, ClosesWhenEverythingHasOneOutcome) {
  EXPECT_TRUE(Ledger{}.Closes());
  EXPECT_TRUE(Example().Closes());
  EXPECT_EQ(Example().errors(), 28u + 15u + 2u);
}

TEST(Ledger, StaysOpenWhenAnythingIsMissingOrCountedTwice) {
  for (uint64_t RequestLedger::*field :
       {&RequestLedger::scheduled, &RequestLedger::verified, &RequestLedger::wrong_status,
        &RequestLedger::wrong_body, &RequestLedger::malformed, &RequestLedger::truncated,
        &RequestLedger::reset, &RequestLedger::timed_out, &RequestLedger::in_flight_at_end}) {
    Ledger ledger = Example();
    ++(ledger.requests.*field);
    EXPECT_FALSE(ledger.Closes());
  }
  for (uint64_t ConnectionLedger::*field :
       {&ConnectionLedger::asked, &ConnectionLedger::established, &ConnectionLedger::refused,
        &ConnectionLedger::timed_out, &ConnectionLedger::reset, &ConnectionLedger::no_port,
        &ConnectionLedger::other}) {
    Ledger ledger = Example();
    ++(ledger.connections.*field);
    EXPECT_FALSE(ledger.Closes());
  }
  Ledger ledger = Example();
  ledger.connections.lost = 6;
  EXPECT_FALSE(ledger.Closes());
  ledger = Example();
  ledger.requests.verified_in_window = 9;
  EXPECT_FALSE(ledger.Closes());
}

TEST(Ledger, MergesEveryField) {
  Ledger merged = Example();
  merged.Merge(Example());
  EXPECT_TRUE(merged.Closes());
  EXPECT_EQ(merged.errors(), 2 * Example().errors());
  EXPECT_EQ(merged.requests.scheduled, 72u);
  EXPECT_EQ(merged.requests.verified_in_window, 6u);
  EXPECT_EQ(merged.connections.asked, 40u);
  EXPECT_EQ(merged.connections.lost, 4u);
}

TEST(Fairness, TellsEqualFromUnequal) {
  Fairness equal;
  EXPECT_EQ(equal.jain_index(), 0);
  for (int i = 0; i < 4; ++i) equal.Add(10);
  EXPECT_DOUBLE_EQ(equal.jain_index(), 1);
  EXPECT_EQ(equal.starved(), 0u);

  Fairness one;
  one.Add(12);
  Fairness rest;
  for (int i = 0; i < 3; ++i) rest.Add(0);
  rest.Merge(one);
  rest.Merge(Fairness{});
  EXPECT_DOUBLE_EQ(rest.jain_index(), 0.25);
  EXPECT_EQ(rest.starved(), 3u);
  EXPECT_EQ(rest.slowest_requests, 0u);
  EXPECT_EQ(rest.fastest_requests, 12u);
  rest.Add(0, false);  // of whom nothing was asked is no matter of fairness
  EXPECT_DOUBLE_EQ(rest.jain_index(), 0.25);
}

std::vector<uint64_t> Counts(const std::vector<Interval>& intervals) {
  std::vector<uint64_t> counts;
  for (const Interval& interval : intervals) counts.push_back(interval.count);
  return counts;
}

TEST(IntervalCounts, CountsInEqualParts) {
  IntervalCounts counts;
  EXPECT_TRUE(counts.Whole(1000).empty());
  counts.Start(1000, 100);
  for (const int64_t at : {1000, 1099, 1100, 1350}) counts.Record(at);
  const std::vector<Interval> whole = counts.Whole(1400);
  EXPECT_EQ(Counts(whole), (std::vector<uint64_t>{2, 1, 0, 1}));
  EXPECT_EQ(whole.front().end_ns, 1100);
  EXPECT_EQ(whole.back().end_ns, 1400);
  EXPECT_EQ(Counts(counts.Whole(1390)), (std::vector<uint64_t>{2, 1, 0}));
  EXPECT_EQ(Counts(counts.Whole(1399)), (std::vector<uint64_t>{2, 1, 0, 1}));
}

TEST(IntervalCounts, WidensWhenItIsFullAndMergesDifferentWidths) {
  IntervalCounts late;
  late.Start(0, 10);
  for (int64_t at = 0; at < 1280; ++at) late.Record(at);  // 128 parts: twice as wide
  EXPECT_EQ(Counts(late.Whole(1280)), std::vector<uint64_t>(64, 20));

  IntervalCounts early;
  early.Start(0, 10);
  for (int64_t at = 0; at < 40; ++at) early.Record(at);
  IntervalCounts never;
  early.Merge(never);
  early.Merge(late);
  never.Merge(early);
  std::vector<uint64_t> expected(64, 20);
  expected[0] = expected[1] = 40;
  EXPECT_EQ(Counts(early.Whole(1280)), expected);
  EXPECT_EQ(Counts(never.Whole(1280)), expected);
}

}  // namespace
}  // namespace crossover
