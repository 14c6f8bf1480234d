#include "base/json_node.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

#include "base/error.h"

namespace crossover {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

template <typename Function>
std::string MessageOf(const Function& function) {
  try {
    function();
  } catch (const UsageError& error) {
    return error.what();
  }
  return "accepted";
}

TEST(ParseJsonStrictly, NamesLineAndColumn) {
  const auto message = [](const char* text) {
    return MessageOf([&] { ParseJsonStrictly(text, "a.json"); });
  };
  EXPECT_THAT(message("{\n  \"a\": 1,\n  \"b\" 2\n}"),
              StartsWith("a.json: line 3, column 7: not valid JSON: syntax error"));
  EXPECT_THAT(message("x"), StartsWith("a.json: line 1, column 1: not valid JSON: "));
  EXPECT_THAT(message(""), StartsWith("a.json: line 1, column 1: not valid JSON: "));
  EXPECT_THAT(message("{\"a\":1}\n{"), StartsWith("a.json: line 2, column 1: "));
  EXPECT_THAT(message("{\"a\": \"\xff\"}"), StartsWith("a.json: line 1, column 8: "));
  EXPECT_THAT(message("[1e999]"), StartsWith("a.json: "));
  EXPECT_THAT(message("{\"a\":\n"), Not(HasSubstr("\n")));
}

TEST(ParseJsonStrictly, RefusesAKeyTwiceInOneObjectOnly) {
  EXPECT_THAT(MessageOf([] { ParseJsonStrictly(R"({"b":{"a":1},"a":{"c":1,"c":2}})", "a.json"); }),
              HasSubstr("the key \"c\" appears twice"));
  EXPECT_EQ(ParseJsonStrictly(R"({"a":[{"a":1},{"a":2}],"b":{"a":1}})", "a.json").size(), 2u);
}

TEST(NearestName, FindsSlipsAndNothingElse) {
  const std::array<std::string_view, 4> known = {"connections", "repetitions", "seed", "load"};
  EXPECT_EQ(NearestName("conections", known), "connections");
  EXPECT_EQ(NearestName("repititoins", known), "repetitions");
  EXPECT_EQ(NearestName("sed", known), "seed");
  EXPECT_EQ(NearestName("laod", known), "");  // two edits in four letters: might be anything
  EXPECT_EQ(NearestName("x", known), "");
  EXPECT_EQ(NearestName("", known), "");
  EXPECT_EQ(NearestName(std::string(100'000, 'c'), known), "");
}

TEST(NearestName, TakesTheNearerThenTheFirst) {
  const std::array<std::string_view, 3> known = {"workers_max", "workers", "workerz"};
  EXPECT_EQ(NearestName("worker", known), "workers");
}

TEST(JsonNode, RefusesWithThePath) {
  const json value = {{"load", {{"list", {1, "two", 2.5, true}}}}};
  const JsonNode root(value, "a.json");
  const auto list = root.Require("load", "").Require("list", "").Elements();
  ASSERT_EQ(list.size(), 4u);
  EXPECT_EQ(list[0].path(), "load.list[0]");
  EXPECT_EQ(MessageOf([&] { list[0].String(); }), "a.json: load.list[0]: must be a string, not 1");
  EXPECT_EQ(MessageOf([&] { list[1].Number(); }),
            "a.json: load.list[1]: must be a number, not \"two\"");
  EXPECT_EQ(MessageOf([&] { list[2].Integer(0, 9); }),
            "a.json: load.list[2]: must be a whole number from 0 to 9, not 2.5");
  EXPECT_EQ(MessageOf([&] { list[3].Integer(0, 9); }),
            "a.json: load.list[3]: must be a whole number from 0 to 9, not true");
  EXPECT_EQ(MessageOf([&] { list[0].Bool(); }),
            "a.json: load.list[0]: must be true or false, not 1");
  EXPECT_EQ(MessageOf([&] { list[0].Elements(); }),
            "a.json: load.list[0]: must be an array [...], not 1");
  EXPECT_EQ(MessageOf([&] { list[0].Require("a"); }),
            "a.json: load.list[0]: must be an object {...}, not 1");
  EXPECT_EQ(MessageOf([&] { root.Require("name", "\"name\":\"x\""); }),
            "a.json: the key 'name' is missing; add \"name\":\"x\"");
}

TEST(JsonNode, HoldsIntegersAgainstTheirLimits) {
  const json value = {0, 10, -1, 11, UINT64_MAX, INT64_MIN};
  const auto numbers = JsonNode(value, "a.json").Elements();
  EXPECT_EQ(numbers[0].Integer(0, 10), 0);
  EXPECT_EQ(numbers[1].Integer(0, 10), 10);
  for (const size_t i : {2u, 3u, 4u, 5u}) EXPECT_THROW(numbers[i].Integer(0, 10), UsageError);
  EXPECT_THROW(numbers[4].Integer(INT64_MIN, INT64_MAX), UsageError);
  EXPECT_EQ(numbers[5].Integer(INT64_MIN, INT64_MAX), INT64_MIN);
}

TEST(JsonNode, SuggestsKeysAndChoices) {
  static constexpr std::array<std::string_view, 2> kKeys = {"workers", "overflow"};
  const json value = {{"worker", 1}};
  EXPECT_EQ(MessageOf([&] { JsonNode(value, "a.json", "options").RequireObject(kKeys); }),
            "a.json: options: unknown key \"worker\"; did you mean 'workers'?");
  const json other = {{"colour", 1}};
  EXPECT_EQ(MessageOf([&] { JsonNode(other, "a.json").RequireObject(kKeys); }),
            "a.json: unknown key \"colour\"; known are: workers, overflow");
  static constexpr std::array<std::string_view, 2> kChoices = {"reject", "queue"};
  const json word = "quue";
  EXPECT_EQ(MessageOf([&] { JsonNode(word, "a.json", "x").Choice(kChoices); }),
            "a.json: x: unknown value \"quue\"; did you mean 'queue'?");
}

TEST(JsonNode, StaysOnOneShortLineWhateverItRefuses) {
  const json value = {{std::string(5000, 'k') + "\n", 1}};
  const std::string message = MessageOf(
      [&] { JsonNode(value, "a.json").RequireObject(std::array<std::string_view, 0>{}); });
  EXPECT_LT(message.size(), 200u);
  EXPECT_THAT(message, Not(HasSubstr("\n")));
}

TEST(JsonNode, ReadsDurations) {
  const json value = {"1.5s", 5, "5", "10ms"};
  const auto nodes = JsonNode(value, "a.json", "d").Elements();
  EXPECT_EQ(nodes[0].DurationNs(0), 1'500'000'000);
  EXPECT_THAT(MessageOf([&] { nodes[1].DurationNs(0); }),
              StartsWith("a.json: d[1]: must be a duration in quotes"));
  EXPECT_THAT(MessageOf([&] { nodes[2].DurationNs(0); }),
              StartsWith("a.json: d[2]: '5' is not a duration"));
  EXPECT_EQ(MessageOf([&] { nodes[3].DurationNs(100'000'000); }),
            "a.json: d[3]: must be at least 100 ms, not \"10ms\"");
}

}  // namespace
}  // namespace crossover
