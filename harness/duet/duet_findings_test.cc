#include "harness/duet/duet_findings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "harness/duet/duet_command.h"
#include "harness/duet/duet_text.h"
#include "harness/statistics/paired_ratio.h"

namespace crossover {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

DuetSlice Slice(double cpu_us, double rps) {
  return {.verified = rps / 10,
          .seconds = 0.1,
          .cpu_seconds = cpu_us / 1e6 * rps * 0.2,
          .switches = rps * 0.2 * 0.5,
          .server_seconds = 0.2};  // as steady as the load is, twice as long makes no difference
}

// The own one takes `factor` as much CPU, give or take `spread`: in blocks of two pairs.
DuetOutcome Outcome(double factor, double spread) {
  DuetOutcome outcome{.slice_ns = 100'000'000, .ended_by = "pairs"};
  for (size_t i = 0; i < 20; ++i) {
    const double off = i / 2 % 2 == 0 ? 1 + spread : 1 / (1 + spread);
    outcome.pairs.push_back({.own = Slice(10 * factor * off, 50'000),
                             .baseline = Slice(10, 40'000),
                             .baseline_first = i % 2 == 1,
                             .block = i / 2});
  }
  return outcome;
}

TEST(DuetFindings, SurviveBeingWritten) {
  DuetOutcome outcome = Outcome(1.03, 0.01);
  outcome.pairs_left_out = 2;
  outcome.pairs[3].own.switches = std::nullopt;
  const DuetOutcome again = DuetOutcomeFromJson(nlohmann::json::parse(ToJson(outcome).dump()));
  EXPECT_EQ(again.slice_ns, outcome.slice_ns);
  EXPECT_EQ(again.pairs_left_out, 2u);
  EXPECT_EQ(again.ended_by, "pairs");
  ASSERT_EQ(again.pairs.size(), outcome.pairs.size());
  EXPECT_EQ(again.pairs[3].own.switches, std::nullopt);
  for (size_t i = 0; i < again.pairs.size(); ++i) {
    EXPECT_EQ(again.pairs[i].baseline_first, outcome.pairs[i].baseline_first);
    EXPECT_EQ(again.pairs[i].block, outcome.pairs[i].block);
    EXPECT_EQ(again.pairs[i].own.cpu_us_per_request(), outcome.pairs[i].own.cpu_us_per_request());
    EXPECT_EQ(again.pairs[i].baseline.switches, outcome.pairs[i].baseline.switches);
  }
}

TEST(DuetFindings, KeepTheRatioWithinItsIntervalWhateverOneSliceDoes) {
  DuetOutcome outcome = Outcome(1.01, 0.001);
  for (size_t i = 0; i < outcome.pairs.size(); ++i) outcome.pairs[i].block = i / 5;
  outcome.pairs[7].own.cpu_seconds *= 0.5;
  const auto found = CompareSlices(outcome.pairs, "cpu_us_per_request");
  ASSERT_TRUE(found && found->ratio.interval95);
  EXPECT_NEAR(found->ratio.ratio, 1.01, 0.002);
  EXPECT_LE(found->ratio.interval95->low, found->ratio.ratio);
  EXPECT_GE(found->ratio.interval95->high, found->ratio.ratio);
}

TEST(DuetFindings, CountBlocksAndNotPairs) {
  DuetOutcome outcome{.slice_ns = 100'000'000, .ended_by = "pairs"};
  // Of each block three pairs that agree, and one that was disturbed.
  for (size_t i = 0; i < 16; ++i) {
    const double factor = 1 + 0.01 * static_cast<double>(i / 4);
    outcome.pairs.push_back({.own = Slice(i % 4 == 3 ? 30 : 10 * factor, 50'000),
                             .baseline = Slice(10, 50'000),
                             .block = i / 4});
  }
  const auto four = CompareSlices(outcome.pairs, "cpu_us_per_request");
  ASSERT_TRUE(four);
  EXPECT_EQ(four->pairs, 16u);
  EXPECT_EQ(four->blocks(), 4u);
  // Student's t with three degrees of freedom, of 0 to 3 %.
  EXPECT_NEAR(four->ratio.ratio, 1.0149, 0.0001);
  EXPECT_NEAR(four->ratio.interval95->high, 1.0357, 0.0003);
  EXPECT_NEAR(four->ratio.probability, 0.10, 0.01);

  outcome.pairs.resize(8);
  const auto two = CompareSlices(outcome.pairs, "cpu_us_per_request");
  ASSERT_TRUE(two);
  EXPECT_NEAR(two->ratio.ratio, 1.005, 0.0001);
  EXPECT_FALSE(two->ratio.interval95);
  EXPECT_EQ(two->ratio.probability, 1);
}

TEST(DuetFindings, FindADifferenceBesideABlockThatWasDisturbed) {
  DuetOutcome outcome{.slice_ns = 100'000'000, .ended_by = "pairs"};
  for (size_t i = 0; i < 60; ++i) {
    const double factor = i / 5 == 7 ? 0.83 : 1.02 + 0.002 * static_cast<double>(i % 11);
    outcome.pairs.push_back(
        {.own = Slice(10 * factor, 50'000), .baseline = Slice(10, 50'000), .block = i / 5});
  }
  const auto found = CompareSlices(outcome.pairs, "cpu_us_per_request");
  ASSERT_TRUE(found);
  EXPECT_NEAR(found->ratio.ratio, 1.03, 0.005);
  EXPECT_GT(found->ratio.interval95->low, 1);
  EXPECT_LT(found->ratio.probability, 0.05);
  // Student's t over the medians of the blocks would see only scatter.
  std::vector<double> medians;
  for (const double log : found->block_logs) medians.push_back(std::exp(log));
  EXPECT_GT(ComparePairs(medians, std::vector<double>(12, 1.0)).probability, 0.1);
}

TEST(DuetFindings, RefuseWhatIsNoDuet) {
  nlohmann::json findings = ToJson(Outcome(1, 0.01));
  EXPECT_THROW(DuetOutcomeFromJson(nullptr), UsageError);
  EXPECT_THROW(DuetOutcomeFromJson({{"unavailable", "why"}}), UsageError);
  findings["pairs"][0]["own"]["seconds"] = 0;
  EXPECT_THROW(DuetOutcomeFromJson(findings), UsageError);
  findings["pairs"][0]["own"]["seconds"] = "1";
  EXPECT_THROW(DuetOutcomeFromJson(findings), UsageError);
}

TEST(DuetFindings, AreRatiosOfPairs) {
  DuetOutcome outcome = Outcome(1.03, 0.01);
  const auto cpu = CompareSlices(outcome.pairs, "cpu_us_per_request");
  ASSERT_TRUE(cpu);
  EXPECT_NEAR(cpu->ratio.ratio, 1.03, 1e-9);
  EXPECT_EQ(cpu->pairs, 20u);
  EXPECT_NEAR(Imprecision(cpu->ratio), std::log(cpu->ratio.interval95->high / cpu->ratio.ratio),
              1e-9);
  EXPECT_LT(Imprecision(cpu->ratio), 0.02);
  const auto throughput = CompareSlices(outcome.pairs, "throughput_rps");
  ASSERT_TRUE(throughput);
  EXPECT_NEAR(throughput->ratio.ratio, 1.25, 1e-9);

  outcome.pairs[0].own.switches = std::nullopt;
  outcome.pairs[1].baseline.switches = 0;
  const auto switches = CompareSlices(outcome.pairs, "context_switches_per_request");
  ASSERT_TRUE(switches);
  EXPECT_EQ(switches->pairs, 18u);
  for (DuetPair& pair : outcome.pairs) pair.baseline.switches = 19;
  EXPECT_FALSE(CompareSlices(outcome.pairs, "context_switches_per_request"));
  EXPECT_FALSE(CompareSlices(outcome.pairs, "latency_us_p99"));
  EXPECT_FALSE(CompareSlices({}, "throughput_rps"));
  EXPECT_TRUE(std::isinf(Imprecision(PairedRatio{})));
}

TEST(DuetText, SaysWhoTakesHowMuch) {
  const auto sentence = [](double ratio, double low, double high, double probability) {
    return RatioSentence("A", "B", "takes", "CPU per request",
                         {.ratio = ratio,
                          .interval95 = ConfidenceInterval{.low = low, .high = high},
                          .probability = probability});
  };
  EXPECT_EQ(sentence(0.969, 0.964, 0.974, 0.001),
            "A takes 3.1 % (2.6 to 3.6) less CPU per request than B.");
  EXPECT_EQ(sentence(1.031, 1.026, 1.036, 0.049),
            "A takes 3.1 % (2.6 to 3.6) more CPU per request than B.");
  EXPECT_EQ(sentence(2.41, 2.3, 2.52, 0),
            "A takes 2.41 times (2.30 to 2.52) the CPU per request of B.");
  EXPECT_EQ(sentence(0.25, 0.2, 0.3, 0),
            "A takes 0.25 times (0.2 to 0.3) the CPU per request of B.");
  EXPECT_EQ(sentence(1.002, 0.996, 1.008, 0.05),
            "No detectable difference in CPU per request between A and B: ratio 1.002 (0.996 to "
            "1.008).");
}

TEST(DuetText, HasATable) {
  DuetOutcome outcome = Outcome(1.5, 0.01);
  outcome.ended_by = "time_limit";
  outcome.pairs_left_out = 1;
  const std::string text = RenderDuet("epoll-pool", "B", outcome);
  EXPECT_THAT(text, HasSubstr("medians                       epoll-pool         B"));
  EXPECT_THAT(text, HasSubstr("CPU per request, us                 15.0      10.0"));
  EXPECT_THAT(text, HasSubstr("requests per second               50,000    40,000"));
  EXPECT_THAT(
      text, HasSubstr("20 pairs of slices of 100 ms in 10 blocks of new servers, ended by the time "
                      "limit; 1 more pair left out, of which a part was idle or read too late.\n"));
}

TEST(DuetText, SaysWhatAPrecisionWouldTake) {
  DuetOutcome outcome = Outcome(1.5, 0.01);
  outcome.ended_by = "time_limit";
  // Half the width of Student's interval over ten blocks of +-0.01 is 0.0075: of 0.002 it is 3.75
  // times as much, which 14 times the blocks would mend.
  EXPECT_THAT(RenderDuet("A", "B", outcome, 0.002),
              HasSubstr("To know the CPU per request to 0.2 % either way would take about 131 more "
                        "blocks.\n"));
  EXPECT_THAT(RenderDuet("A", "B", outcome, 1e-9), HasSubstr("take very many more blocks.\n"));
  EXPECT_THAT(RenderDuet("A", "B", outcome, 0.02), Not(HasSubstr("either way")));
  outcome.ended_by = "precision";
  EXPECT_THAT(RenderDuet("A", "B", outcome, 0.002), Not(HasSubstr("either way")));
}

TEST(DuetText, SaysWhenThereIsTooLittle) {
  EXPECT_THAT(RenderDuet("A", "B", {}), StartsWith("No pair of slices could be used.\n"));
  DuetOutcome outcome = Outcome(1.5, 0.01);
  outcome.pairs.resize(1);
  EXPECT_THAT(
      RenderDuet("A", "B", outcome),
      StartsWith("Too few blocks to compare the CPU per request of A and B: give it more time.\n"));
}

TEST(DuetExperiment, ReadsKnobs) {
  const Experiment experiment = DuetExperiment(
      {.own = "epoll-pool:workers=4,busy_poll=50us", .baseline = "epoll-pool", .path = "/cpu/5"});
  ASSERT_EQ(experiment.architectures.size(), 2u);
  EXPECT_EQ(experiment.architectures[0].label, "epoll-pool");
  EXPECT_EQ(experiment.architectures[1].label, "epoll-pool:workers=4,busy_poll=50us");
  EXPECT_EQ(experiment.architectures[1].name, "epoll-pool");
  EXPECT_EQ(experiment.architectures[1].options.workers, 4);
  EXPECT_EQ(experiment.architectures[1].options.busy_poll_ns, 50'000);
  EXPECT_EQ(experiment.workloads.front().path, "/cpu/5");
  EXPECT_TRUE(experiment.duet);
  const Experiment same = DuetExperiment({.own = "fiber", .baseline = "fiber"});
  EXPECT_EQ(same.architectures[0].label, "fiber (B)");
  EXPECT_EQ(same.architectures[1].label, "fiber (A)");
  for (const char* wrong :
       {"", "epoll-pool:workers", "epoll-pool:wrokers=1", "epoll-pool:workers=x"}) {
    EXPECT_THROW(DuetExperiment({.own = wrong, .baseline = "fiber"}), UsageError) << wrong;
  }
  EXPECT_THROW(DuetExperiment({.own = "fiber", .baseline = "fiber", .path = "x"}), UsageError);
}

}  // namespace
}  // namespace crossover
