#include "harness/model/cost_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/error.h"
#include "harness/model/measure_costs.h"

namespace crossover {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

CostReading Reading(double factor) {
  return {
      .index = 0,
      .costs = {{.name = "system_call", .ns = 100 * factor},
                {.name = "receive", .connections = 200, .ns = 800 * factor},
                {.name = "receive", .connections = 8000, .ns = 900 * factor},
                {.name = "wait_closed", .connections = 200, .ready = 1, .ns = 500 * factor},
                {.name = "wait_closed", .connections = 200, .ready = 64, .ns = 1760 * factor},
                {.name = "wait_closed", .connections = 200, .ready = 512, .ns = 10'720 * factor}},
      .unavailable = {{.name = "switch_closed", .connections = 8000, .why = "no threads"}},
      .failed = {},
      .loopback_ns = {}};
}

TEST(CostReading, SurvivesTheFile) {
  CostReading reading = Reading(1);
  reading.index = 2;
  reading.failed = "it died";
  reading.loopback_ns = 3e7;
  const json line = json::parse(ToJson(reading).dump());
  EXPECT_EQ(ParseCostReading(JsonNode(line, "t")), reading);
}

TEST(CostReading, RefusesWhatNoCostIs) {
  json line = ToJson(Reading(1));
  line["costs"][0]["ns"] = -1;
  EXPECT_THROW(ParseCostReading(JsonNode(line, "t")), UsageError);
  line["costs"][0].erase("ns");
  EXPECT_THROW(ParseCostReading(JsonNode(line, "t")), UsageError);
}

TEST(CostReading, LeavesOutASwitchOfACpuThatRanDry) {
  CostReading reading;
  json line = {{"event", "cost"}, {"name", "switch_closed"}, {"connections", 200}, {"ns", 4000.0}};
  line["ran_dry"] = 0.1;
  AddLine(JsonNode(line, "t"), reading);
  EXPECT_EQ(reading.costs.size(), 1u);
  line["ran_dry"] = 0.3;
  AddLine(JsonNode(line, "t"), reading);
  EXPECT_EQ(reading.costs.size(), 1u);
  ASSERT_EQ(reading.unavailable.size(), 1u);
  EXPECT_THAT(reading.unavailable[0].why, HasSubstr("did not keep the server's CPU busy"));
}

TEST(CostTable, TakesTheMedianOfTheReadings) {
  const std::vector<CostReading> readings = {Reading(1), Reading(3), Reading(1.5)};
  const CostTable table(readings);
  EXPECT_EQ(table.Find("system_call"), 150);
  EXPECT_EQ(table.Find("receive", 8000), 1350);
  EXPECT_EQ(table.Find("receive", 16'000), std::nullopt);
  EXPECT_EQ(table.Find("receive"), std::nullopt);
  const nlohmann::ordered_json out = table.ToJson();
  EXPECT_EQ(out["readings"], 3);
  EXPECT_EQ(out["costs"][0]["readings_ns"], nlohmann::ordered_json({100.0, 300.0, 150.0}));
  EXPECT_EQ(out["unavailable"].size(), 1u);
}

TEST(CostTable, FindsWhatAWaitForAnyNumberOfEventsCosts) {
  const std::vector<CostReading> readings = {Reading(1)};
  const CostTable table(readings);
  EXPECT_EQ(table.WaitNs(200, 1), 500);
  EXPECT_EQ(table.WaitNs(200, 64), 1760);
  EXPECT_DOUBLE_EQ(*table.WaitNs(200, 32), 500 + 31 * 20);
  EXPECT_DOUBLE_EQ(*table.WaitNs(200, 0), 480);
  EXPECT_DOUBLE_EQ(*table.WaitNs(200, 1024), 10'720 + 512 * 20);
  EXPECT_EQ(table.WaitNs(8000, 1), std::nullopt);
}

// What `script` says in place of crossover-costs.
CostReading ReadingOf(const std::string& script) {
  const std::string path = testing::TempDir() + "/costs_of_" + std::to_string(::getpid());
  std::ofstream(path) << "#!/bin/sh\n" << script;
  std::filesystem::permissions(path, std::filesystem::perms::owner_all);
  const CpuSets cpus{.server = {0}, .client = {0}};
  CostReading reading = MeasureCosts({.program = path, .cpus = cpus, .connections = {200, 8000}});
  std::filesystem::remove(path);
  return reading;
}

TEST(MeasureCosts, KeepsWhatTheProgramSays) {
  const CostReading reading = ReadingOf(R"(
echo '{"event":"cost","name":"args","connections":8000,"ns":'$#'}'
echo '{"event":"unavailable","name":"switch_closed","connections":8000,"why":"no threads"}'
echo '{"event":"done"}')");
  EXPECT_EQ(reading.failed, "");
  EXPECT_THAT(reading.costs,
              ElementsAre(StepCost{.name = "args", .connections = 8000, .ready = 0, .ns = 7}));
  EXPECT_THAT(reading.unavailable,
              ElementsAre(UnavailableCost{
                  .name = "switch_closed", .connections = 8000, .why = "no threads"}));
}

TEST(MeasureCosts, TellsWhyThereIsNothing) {
  const CostReading died = ReadingOf("echo 'no room' >&2; exit 3");
  EXPECT_THAT(died.costs, IsEmpty());
  EXPECT_THAT(died.failed, HasSubstr("exit status 3"));
  EXPECT_THAT(died.failed, HasSubstr("no room"));
  const CostReading odd = ReadingOf(R"(echo '{"event":"cost","name":"x","ns":"y"}'; sleep 60)");
  EXPECT_THAT(odd.failed, HasSubstr("ns"));
}

}  // namespace
}  // namespace crossover
