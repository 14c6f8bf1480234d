#include "loadgen/request_mix.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace crossover {
namespace {

TEST(Targets, AreReadWithTheirDefaults) {
  const auto targets = ParseTargets(
      R"({"targets": [{"path": "/a?b"}, {"path": "/echo", "method": "POST", "body": "x", "weight": 2.5},
                      {"path": "/echo", "method": "POST", "body_bytes": 3}]})",
      "t.json");
  ASSERT_EQ(targets.size(), 3u);
  EXPECT_EQ(targets[0].path, "/a?b");
  EXPECT_EQ(targets[0].method, Method::kGet);
  EXPECT_EQ(targets[0].weight, 1);
  EXPECT_EQ(targets[1].body, "x");
  EXPECT_EQ(targets[1].weight, 2.5);
  EXPECT_EQ(targets[2].body, BodyOf(3));
}

TEST(Targets, AreRefusedInOneLine) {
  for (const auto& [text, words] : std::vector<std::pair<const char*, const char*>>{
           {"[]", "t.json"},
           {R"({"targets": []})", "is empty"},
           {R"({"targets": [{"pth": "/"}]})", "path"},
           {R"({"targets": [{"path": "a"}]})", "must begin with '/'"},
           {R"({"targets": [{"path": "/a b"}]})", "space"},
           {R"({"targets": [{"path": "/a\r\nX: y"}]})", "control"},
           {R"({"targets": [{"path": "/", "body": "x"}]})", "only a POST"},
           {R"({"targets": [{"path": "/", "method": "POST", "body": "x", "body_bytes": 1}]})",
            "beside"},
           {R"({"targets": [{"path": "/", "weight": 0}]})", "above 0"},
           {R"({"targets": [{"path": "/", "method": "BREW"}]})", "GET"}}) {
    try {
      ParseTargets(text, "t.json");
      ADD_FAILURE() << text;
    } catch (const UsageError& error) {
      const std::string message = error.what();
      EXPECT_NE(message.find(words), std::string::npos) << message;
      EXPECT_EQ(message.find('\n'), std::string::npos) << message;
    }
  }
  EXPECT_THROW(ReadTargets("/none/at/all.json"), UsageError);
}

TEST(RequestMix, PicksByWeightAndAlikeForTheSameSeed) {
  const std::vector<Target> targets = {{.path = "/a", .weight = 1}, {.path = "/b", .weight = 3}};
  const RequestMix mix("h", targets, 1);
  const RequestMix other("h", targets, 2);
  size_t second = 0;
  size_t differ = 0;
  for (uint64_t i = 0; i < 100; ++i) {
    for (uint64_t k = 0; k < 100; ++k) {
      second += mix.Pick(i, k);
      differ += mix.Pick(i, k) != other.Pick(i, k);
      EXPECT_EQ(mix.Pick(i, k), RequestMix("h", targets, 1).Pick(i, k));
    }
  }
  EXPECT_NEAR(static_cast<double>(second), 7500, 220);  // 5 standard deviations
  EXPECT_GT(differ, 1000u);
}

TEST(RequestMix, HasEachTargetAlsoAsALastRequest) {
  const RequestMix mix("h", {{.path = "/a"}, {.path = "/b"}}, 1);
  EXPECT_EQ(mix.targets(), 2u);
  EXPECT_EQ(mix.kinds(), 4u);
  EXPECT_EQ(mix.at(1).bytes.find("Connection"), std::string::npos);
  EXPECT_TRUE(mix.at(3).bytes.starts_with("GET /b "));
  EXPECT_NE(mix.at(3).bytes.find("\r\nConnection: close\r\n"), std::string::npos);
}

}  // namespace
}  // namespace crossover
