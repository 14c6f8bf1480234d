#include "harness/workload.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"

namespace crossover {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::vector<Workload> Parse(const json& workloads, bool has_axis = true) {
  return ParseWorkloads(JsonNode(workloads, "e.json", "workloads"), has_axis);
}

std::string ListMessage(const json& workloads, bool has_axis = false) {
  try {
    Parse(workloads, has_axis);
  } catch (const UsageError& error) {
    return error.what();
  }
  return "accepted";
}

// The message for one workload with these keys beside its name.
std::string KeysMessage(json keys, bool has_axis = false) {
  keys["name"] = "w";
  return ListMessage(json::array({keys}), has_axis);
}

TEST(Workload, ReadsEveryKeyOfAClosedLoop) {
  const auto workloads = Parse(json::parse(R"([
    {"name": "churn", "at": 10, "requests_per_connection": 10, "closer": "server"},
    {"name": "think", "at": 2.5, "label": "2.5 %", "active_percent": 2.5},
    {"name": "for-ever", "label": "unlimited"}])"));
  EXPECT_EQ(
      workloads[0],
      (Workload{.name = "churn", .at = 10, .requests_per_connection = 10, .closer = "server"}));
  EXPECT_EQ(workloads[1],
            (Workload{.name = "think", .at = 2.5, .label = "2.5 %", .active_percent = 2.5}));
  EXPECT_EQ(workloads[2], (Workload{.name = "for-ever", .label = "unlimited"}));
  EXPECT_EQ(PlaceText(workloads[0]), "10");
  EXPECT_EQ(PlaceText(workloads[1]), "2.5 %");
  EXPECT_EQ(PlaceText(Workload{}), "hello");
}

TEST(Workload, ReadsEveryKeyOfAnOpenLoop) {
  const auto workloads = Parse(json::parse(R"([
    {"name": "closed"},
    {"name": "fixed", "at": 0, "rate": 5000, "arrivals": "poisson", "deadline": "1s"},
    {"name": "over", "at": 120, "rate_percent": 120, "percent_of": "closed"},
    {"name": "even", "at": 9, "rate_percent": 9, "percent_of": "closed", "capacity_of": "slowest"}])"));
  EXPECT_FALSE(workloads[0].open());
  EXPECT_EQ(workloads[1], (Workload{.name = "fixed",
                                    .at = 0,
                                    .rate_rps = 5000,
                                    .arrivals = "poisson",
                                    .deadline_ns = 1'000'000'000}));
  EXPECT_EQ(workloads[2],
            (Workload{.name = "over", .at = 120, .rate_percent = 120, .percent_of = "closed"}));
  EXPECT_TRUE(workloads[2].open());
  EXPECT_TRUE(workloads[3].of_slowest);
}

TEST(Workload, SurvivesNormalisation) {
  const json text = json::parse(R"([
    {"name": "closed", "method": "POST", "path": "/echo", "body_bytes": 3},
    {"name": "churn", "at": 1048576, "requests_per_connection": 10, "closer": "client"},
    {"name": "think", "at": 0.5, "label": "half", "active_percent": 0.5},
    {"name": "over", "at": 1, "rate_percent": 120, "percent_of": "closed", "deadline": "250ms",
     "capacity_of": "slowest"}])");
  json again = json::array();
  for (const Workload& workload : Parse(text)) again.push_back(ToJson(workload));
  EXPECT_EQ(Parse(again), Parse(text));
  EXPECT_EQ(again[1]["at"].dump(), "1048576");
  EXPECT_EQ(again[2]["at"].dump(), "0.5");
  // What is not set is not named, or old experiments would be others than they were.
  EXPECT_EQ(ToJson(Workload{}).dump(),
            R"({"body_bytes":0,"method":"GET","name":"hello","path":"/"})");
}

TEST(Workload, RefusesWhatDoesNotGoTogether) {
  const auto with = [](const char* text) { return KeysMessage(json::parse(text)); };
  EXPECT_EQ(with(R"({"closer": "server"})"),
            "e.json: workloads[0].closer: needs \"requests_per_connection\", after which a "
            "connection is closed");
  EXPECT_THAT(with(R"({"active_percent": 50, "requests_per_connection": 1})"),
              HasSubstr("leave out \"requests_per_connection\""));
  EXPECT_THAT(with(R"({"active_percent": 50, "rate": 5})"),
              HasSubstr("leave out \"active_percent\""));
  EXPECT_THAT(with(R"({"rate": 5, "rate_percent": 50, "percent_of": "w"})"),
              HasSubstr("rate_percent: there is a \"rate\" already"));
  EXPECT_THAT(with(R"({"rate_percent": 50})"), HasSubstr("the key 'percent_of' is missing; add"));
  EXPECT_THAT(with(R"({"capacity_of": "slowest"})"), HasSubstr("capacity_of: needs a"));
  EXPECT_THAT(with(R"({"percent_of": "w"})"), HasSubstr("percent_of: needs a \"rate_percent\""));
  EXPECT_THAT(with(R"({"deadline": "1s"})"), HasSubstr("deadline: a closed loop has none"));
  EXPECT_THAT(with(R"({"arrivals": "poisson"})"), HasSubstr("arrivals: a closed loop has none"));
  EXPECT_THAT(with(R"({"rates": 5})"), HasSubstr("did you mean 'rate'?"));
}

TEST(Workload, HoldsNumbersAgainstTheirLimits) {
  EXPECT_THAT(KeysMessage({{"active_percent", 0}}), HasSubstr("above 0 and at most 100"));
  EXPECT_THAT(KeysMessage({{"active_percent", 100.5}}), HasSubstr("above 0 and at most 100"));
  EXPECT_EQ(KeysMessage({{"active_percent", 100}}), "accepted");
  EXPECT_THAT(KeysMessage({{"rate", -1}}), HasSubstr("above 0 and at most 1000000000"));
  EXPECT_THAT(KeysMessage({{"rate", "5"}}), HasSubstr("must be a number"));
  EXPECT_THAT(KeysMessage({{"rate_percent", 1001}}), HasSubstr("above 0 and at most 1000"));
  EXPECT_THAT(KeysMessage({{"requests_per_connection", -1}}), HasSubstr("must be a whole"));
  EXPECT_THAT(KeysMessage({{"at", -1}}, true), HasSubstr("at: must be from 0 to 9007199254740992"));
  EXPECT_THAT(KeysMessage({{"label", ""}}), HasSubstr("label: must not be empty"));
  EXPECT_THAT(KeysMessage({{"label", "a\nb"}}), HasSubstr("label: must be one line"));
}

TEST(Workload, RateInPerCentIsOfAClosedLoopOfTheSameFile) {
  const auto over = [](const char* of) {
    return ListMessage({{{"name", "closed"}},
                        {{"name", "open"}, {"rate", 5}},
                        {{"name", "over"}, {"rate_percent", 120}, {"percent_of", of}}});
  };
  EXPECT_EQ(over("closed"), "accepted");
  EXPECT_THAT(over("none"), HasSubstr("workloads[2]: percent_of must name a workload"));
  EXPECT_THAT(over("open"), HasSubstr("workloads[2]: percent_of must name a workload"));
  EXPECT_THAT(over("over"), HasSubstr("workloads[2]: percent_of must name a workload"));
}

TEST(Axis, GivesEachWorkloadAPlace) {
  const json two = {{{"name", "a"}, {"at", 1}}, {{"name", "b"}}};
  EXPECT_EQ(ListMessage(two, true), "accepted");  // b is the one without a limit
  EXPECT_EQ(ListMessage(two, false),
            "e.json: workloads[0].at: the experiment has no \"axis\" for it to be a place on");
  EXPECT_EQ(ListMessage({{{"name", "a"}, {"at", 1}}, {{"name", "b"}, {"at", 1}}}, true),
            "e.json: workloads[1]: another workload is at the same place on the axis");
  EXPECT_THAT(ListMessage({{{"name", "a"}, {"at", nullptr}}, {{"name", "b"}}}, true),
              HasSubstr("workloads[1]: has no \"at\""));
  const auto parse = [](const json& axis) { return ParseAxis(JsonNode(axis, "e.json", "axis")); };
  EXPECT_EQ(parse({{"label", "µs"}}).label, "µs");
  EXPECT_THROW(parse({{"label", ""}}), UsageError);
  EXPECT_THROW(parse({{"lable", "x"}}), UsageError);
  EXPECT_THROW(parse("x"), UsageError);
}

TEST(LoadArguments, NameOnlyWhatTheWorkloadAsksFor) {
  EXPECT_THAT(LoadArguments(Workload{}, 8, {}), ElementsAre("--method", "GET"));
  EXPECT_THAT(LoadArguments({.method = "POST", .body_bytes = 3}, 8, {}),
              ElementsAre("--method", "POST", "--body-bytes", "3"));
  EXPECT_THAT(
      LoadArguments({.requests_per_connection = 10, .closer = "server"}, 8, {}),
      ElementsAre("--method", "GET", "--requests-per-connection", "10", "--closer", "server"));
  EXPECT_THAT(LoadArguments({.active_percent = 10}, 16'000, {}),
              ElementsAre("--method", "GET", "--active", "1600"));
  EXPECT_THAT(LoadArguments({.active_percent = 100}, 16'000, {}), ElementsAre("--method", "GET"));
  EXPECT_THAT(LoadArguments({.rate_rps = 0.00001, .deadline_ns = 500'000'000}, 8, {}),
              ElementsAre("--method", "GET", "--rate", "0.00001", "--arrivals", "constant",
                          "--shed-after", "500ms"));
}

TEST(LoadArguments, TakePercentagesOfWhatWasMeasured) {
  const Workload over{.rate_percent = 150, .percent_of = "closed", .arrivals = "poisson"};
  EXPECT_THAT(LoadArguments(over, 8, 1000.4),
              ElementsAre("--method", "GET", "--rate", "1501", "--arrivals", "poisson"));
  EXPECT_EQ(RateRps(over, std::nullopt), std::nullopt);
  EXPECT_EQ(RateRps(over, 0.1), 1);  // the least that is worth asking
  EXPECT_EQ(RateRps({.rate_rps = 7}, std::nullopt), 7);
  EXPECT_EQ(RateRps(Workload{}, 1000.0), std::nullopt);
}

TEST(ActiveConnections, AreAtLeastOne) {
  EXPECT_EQ(ActiveConnections({.active_percent = 1}, 16'000), 160);
  EXPECT_EQ(ActiveConnections({.active_percent = 1}, 10), 1);
  EXPECT_EQ(ActiveConnections({.active_percent = 50}, 3), 2);
  EXPECT_EQ(ActiveConnections(Workload{}, 3), 3);
}

}  // namespace
}  // namespace crossover
