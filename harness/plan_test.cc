#include "harness/plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <tuple>
#include <utility>

namespace crossover {
namespace {

using testing::HasSubstr;

Experiment ThreeByThree() {
  Experiment experiment;
  experiment.name = "three";
  for (const char* name : {"a", "b", "c"}) {
    experiment.architectures.push_back({.name = name, .label = name, .options = {}});
  }
  experiment.connections = {200, 8000, 16000};
  experiment.repetitions = 2;
  return experiment;
}

// Expected: Python, with its own MT19937-64 (checked against the standard's 10,000th number) and
// the same Fisher-Yates. A standard library that shuffles otherwise would break --resume.
TEST(Plan, IsTheSameEverywhere) {
  using Cell = std::pair<size_t, int64_t>;
  const std::vector<Cell> expected = {
      {0, 200},   {2, 200},   {1, 200},   {0, 16000}, {0, 8000},
      {2, 8000},  {2, 16000}, {1, 16000}, {1, 8000},  // the second repetition:
      {0, 16000}, {2, 16000}, {1, 16000}, {2, 200},   {1, 200},
      {0, 200},   {2, 8000},  {1, 8000},  {0, 8000}};
  std::vector<Cell> planned;
  for (const PlannedTrial& trial : MakePlan(ThreeByThree()).trials) {
    planned.emplace_back(trial.architecture, trial.connections);
  }
  EXPECT_EQ(planned, expected);
}

TEST(Plan, SpreadsDuetsAmongTheRepetitions) {
  const auto passes = [](int64_t repetitions, int64_t duets) {
    Experiment experiment = ThreeByThree();
    experiment.repetitions = repetitions;
    experiment.duet = DuetSettings{.repetitions = duets};
    std::string order;
    for (const PlannedTrial& trial : MakePlan(experiment).trials) {
      const char letter = trial.pass == Pass::kDuet ? 'd' : 't';
      const std::string round = letter + std::to_string(trial.repetition);
      if (!order.ends_with(round)) order += round;
    }
    return order;
  };
  EXPECT_EQ(passes(3, 1), "t0t1t2d0");
  EXPECT_EQ(passes(3, 3), "t0d0t1d1t2d2");
  EXPECT_EQ(passes(2, 5), "t0d0t1d1");
  EXPECT_EQ(passes(4, 3), "t0d0t1d1t2t3d2");
}

TEST(Plan, SpreadsCostReadingsOverWholeTrialsAndDuets) {
  Experiment experiment = ThreeByThree();
  experiment.duet = DuetSettings{.repetitions = 3};
  experiment.repetitions = 3;
  experiment.trace.emplace();
  experiment.cost_readings = 3;
  const Plan plan = MakePlan(experiment);
  EXPECT_EQ(TrialAfterReading(experiment, plan, 0), 0u);
  EXPECT_EQ(TrialAfterReading(experiment, plan, 1), 15u);  // of 27 + 18
  EXPECT_EQ(TrialAfterReading(experiment, plan, 2), 30u);
}

TEST(Plan, HoldsEveryCellOnceInEachRepetition) {
  Experiment experiment = ThreeByThree();
  experiment.repetitions = 20;
  experiment.workloads = {Workload{}, Workload{.name = "other", .method = "GET", .path = "/"}};
  const Plan plan = MakePlan(experiment);
  ASSERT_EQ(plan.trials.size(), 3u * 3 * 2 * 20);
  for (size_t start = 0; start < plan.trials.size(); start += 18) {
    std::set<std::tuple<size_t, int64_t, size_t>> cells;
    for (size_t i = start; i < start + 18; ++i) {
      const PlannedTrial& trial = plan.trials[i];
      EXPECT_EQ(trial.index, i);
      EXPECT_EQ(trial.repetition, start / 18);
      cells.emplace(trial.architecture, trial.connections, trial.workload);
    }
    EXPECT_EQ(cells.size(), 18u);
  }
}

TEST(Plan, MeasuresAllCapacitiesBeforeAPercentageOfTheSlowest) {
  Experiment experiment = ThreeByThree();
  experiment.workloads = {
      Workload{.name = "closed"},
      Workload{.name = "half", .rate_percent = 50, .percent_of = "closed", .of_slowest = true}};
  const std::vector<PlannedTrial> trials = MakePlan(experiment).trials;
  ASSERT_EQ(trials.size(), 2u * 18);
  for (const PlannedTrial& trial : trials) {
    if (trial.workload == 0) continue;
    const auto is_its_capacity = [&](const PlannedTrial& other) {
      return other.workload == 0 && other.repetition == trial.repetition &&
             other.connections == trial.connections;
    };
    EXPECT_EQ(std::count_if(trials.begin(), trials.begin() + static_cast<ptrdiff_t>(trial.index),
                            is_its_capacity),
              3);
  }
}

TEST(Plan, MeasuresACapacityBeforeWhatIsAPercentageOfIt) {
  Experiment experiment = ThreeByThree();
  experiment.workloads = {
      Workload{.name = "over", .at = 120, .rate_percent = 120, .percent_of = "closed"},
      Workload{.name = "closed"},
      Workload{.name = "half", .rate_percent = 50, .percent_of = "closed"}};
  const std::vector<PlannedTrial> trials = MakePlan(experiment).trials;
  ASSERT_EQ(trials.size(), 2u * 27);
  for (const PlannedTrial& trial : trials) {
    EXPECT_EQ(trial.index, static_cast<size_t>(&trial - trials.data()));
    const PlannedTrial& capacity = trials[trial.index / 3 * 3];
    EXPECT_EQ(trial.workload == 1, trial.index % 3 == 0) << trial.index;
    EXPECT_EQ(trial.architecture, capacity.architecture);
    EXPECT_EQ(trial.connections, capacity.connections);
  }
  // The groups are in random order, and so are the rates within them.
  EXPECT_FALSE(
      std::ranges::is_sorted(trials.begin(), trials.begin() + 27, {}, &PlannedTrial::architecture));
  std::set<size_t> second;
  for (size_t i = 1; i < trials.size(); i += 3) second.insert(trials[i].workload);
  EXPECT_EQ(second.size(), 2u);
}

TEST(Plan, FollowsTheSeedAndMixesEachRepetitionAnew) {
  Experiment experiment = ThreeByThree();
  EXPECT_EQ(MakePlan(experiment).trials, MakePlan(experiment).trials);
  const auto first = MakePlan(experiment).trials;
  experiment.seed = 2;
  EXPECT_NE(MakePlan(experiment).trials, first);
  bool differs = false;
  for (size_t i = 0; i < 9; ++i) {
    differs = differs || first[i].architecture != first[i + 9].architecture;
  }
  EXPECT_TRUE(differs);
}

TEST(Plan, PutsEveryCellAtEveryPlaceAboutEquallyOften) {
  // 9 cells in 900 repetitions: each cell comes first 100 times on average, deviation 9.4.
  Experiment experiment = ThreeByThree();
  experiment.repetitions = 900;
  std::vector<int> first(9, 0);
  for (const PlannedTrial& trial : MakePlan(experiment).trials) {
    if (trial.index % 9 != 0) continue;
    const size_t row = trial.connections == 200 ? 0 : trial.connections == 8000 ? 1 : 2;
    ++first[row * 3 + trial.architecture];
  }
  for (const int count : first) {
    EXPECT_GT(count, 60);
    EXPECT_LT(count, 140);
  }
}

TEST(Plan, PutsInstrumentsAfterTheTrialsThatCount) {
  Experiment experiment = ThreeByThree();
  const std::vector<PlannedTrial> without = MakePlan(experiment).trials;
  experiment.profile.emplace().repetitions = 2;
  experiment.trace.emplace();
  const std::vector<PlannedTrial> trials = MakePlan(experiment).trials;
  ASSERT_EQ(trials.size(), 18u + 18 + 9);
  // They change nothing of what comes before.
  EXPECT_TRUE(std::equal(without.begin(), without.end(), trials.begin()));
  for (size_t start = 0; start < trials.size(); start += 9) {
    std::set<std::pair<size_t, int64_t>> cells;
    for (size_t i = start; i < start + 9; ++i) {
      EXPECT_EQ(trials[i].index, i);
      EXPECT_EQ(trials[i].pass, i < 18   ? Pass::kThroughput
                                : i < 36 ? Pass::kProfile
                                         : Pass::kTrace);
      EXPECT_EQ(trials[i].repetition, start / 9 % 2);
      cells.emplace(trials[i].architecture, trials[i].connections);
    }
    EXPECT_EQ(cells.size(), 9u);
  }
}

TEST(PlanEstimate, TakesAnInstrumentsOwnWindow) {
  Experiment experiment = ThreeByThree();
  experiment.profile.emplace().duration_ns = 10'000'000'000;
  PlannedTrial trial{.connections = 200};
  const double plain = EstimateTrialSeconds(experiment, trial);
  trial.pass = Pass::kProfile;
  EXPECT_NEAR(EstimateTrialSeconds(experiment, trial), plain + 6, 1e-9);
}

TEST(PlanEstimate, CountsWindowAndConnections) {
  Experiment experiment = ThreeByThree();
  const Plan plan = MakePlan(experiment);
  PlannedTrial small;
  small.connections = 200;
  PlannedTrial large;
  large.connections = 16000;
  EXPECT_GT(EstimateTrialSeconds(experiment, small), 5.5);
  EXPECT_LT(EstimateTrialSeconds(experiment, small), 10);
  EXPECT_GT(EstimateTrialSeconds(experiment, large), EstimateTrialSeconds(experiment, small) + 1);
  const double before = EstimatePlanSeconds(experiment, plan);
  experiment.load.duration_ns += 1'000'000'000;
  EXPECT_NEAR(EstimatePlanSeconds(experiment, plan), before + 18, 1e-6);
}

TEST(RenderPlan, ShowsASummaryAndEveryTrial) {
  Experiment experiment = ThreeByThree();
  experiment.architectures[2].label = "a-label-that-is-rather-long";
  const std::string text = RenderPlan(experiment, MakePlan(experiment));
  EXPECT_THAT(text, HasSubstr("three: 18 trials (3 architectures x 3 connection counts x 1 "
                              "workloads x 2 repetitions), about "));
  EXPECT_THAT(text, HasSubstr("\n     1           1  a                                    200  "
                              "hello\n"));
  EXPECT_THAT(text, HasSubstr("\n    18           2  a                                   8000  "
                              "hello\n"));
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 20);
}

TEST(RenderPlan, TellsTheInstrumentsTrials) {
  Experiment experiment = ThreeByThree();
  experiment.trace.emplace();
  std::string text = RenderPlan(experiment, MakePlan(experiment));
  EXPECT_THAT(text, HasSubstr("three: 27 trials (3 architectures x 3 connection counts x 1 "
                              "workloads x 2 repetitions, and 1 of trace), about "));
  EXPECT_THAT(text, HasSubstr("  hello  (trace)\n"));
  experiment.profile.emplace().repetitions = 2;
  text = RenderPlan(experiment, MakePlan(experiment));
  EXPECT_THAT(text, HasSubstr("x 2 repetitions, and 2 of profile and 1 of trace), about "));
  EXPECT_THAT(text, HasSubstr("  hello  (profile)\n"));
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 2 + 18 + 18 + 9);
}

}  // namespace
}  // namespace crossover
