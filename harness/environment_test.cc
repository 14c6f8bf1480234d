#include "harness/environment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "base/cpu_list.h"
#include "harness/build_info.h"

namespace crossover {
namespace {

TEST(Environment, HoldsWhatTheReportRequires) {
  MachineLimits limits;
  limits.open_files_soft = 1024;
  const nlohmann::json environment =
      CaptureEnvironment(limits, {"/proc/self/exe", "/nonexistent/program"});
  for (const char* key :
       {"kernel", "cpu_model", "crossover_version", "compiler", "glibc_version"}) {
    ASSERT_TRUE(environment.contains(key)) << key;
    EXPECT_TRUE(environment[key].is_string()) << key;
    EXPECT_NE(environment[key], "") << key;
  }
  EXPECT_EQ(environment["cpus"], AllowedCpus().size());
  EXPECT_GT(environment["memory_bytes"], 0);
  EXPECT_EQ(environment["limits"]["open_files_soft"], 1024);
  EXPECT_GT(environment["programs"]["exe"]["bytes"], 0);
  EXPECT_TRUE(environment["programs"]["program"].is_null());
  EXPECT_THAT(environment["unavailable"]["programs.program"].get<std::string>(),
              testing::HasSubstr("No such file"));
}

TEST(Environment, EveryNullHasItsReason) {
  const nlohmann::json environment = CaptureEnvironment(MachineLimits{}, {});
  for (const auto& [key, value] : environment.items()) {
    if (!value.is_null() || key.ends_with("_before") || key == "memory_available_bytes") continue;
    EXPECT_TRUE(environment["unavailable"].contains(key)) << key;
  }
}

TEST(Environment, HoldsWhatTheKernelWasBuiltWithWhereThatCanBeRead) {
  const nlohmann::json environment = CaptureEnvironment(MachineLimits{}, {});
  ASSERT_TRUE(environment.contains("kernel_config"));
  if (environment["kernel_config"].is_object()) {
    EXPECT_GT(std::stoi(environment["kernel_config"]["HZ"].get<std::string>()), 0);
  }
  EXPECT_TRUE(environment["kernel_command_line"].is_string());
}

TEST(Environment, DoesNotTellTheNameOfTheMachine) {
  char name[256] = {};
  ASSERT_EQ(::gethostname(name, sizeof name - 1), 0);
  EXPECT_EQ(CaptureEnvironment(MachineLimits{}, {})["hostname_fnv1a64"], Fnv1a64Hex(name));
}

TEST(BuildInfo, IsFilledIn) {
  EXPECT_FALSE(ThisBuild().version.empty());
  EXPECT_THAT(std::string(ThisBuild().boost), testing::StartsWith("1."));
  EXPECT_FALSE(ThisBuild().build_type.empty());
  EXPECT_THAT(std::string(ThisBuild().liburing), testing::StartsWith("2."));
}

TEST(Fnv1a64Hex, KnownValues) {
  EXPECT_EQ(Fnv1a64Hex(""), "cbf29ce484222325");
  EXPECT_EQ(Fnv1a64Hex("a"), "af63dc4c8601ec8c");
  EXPECT_EQ(Fnv1a64Hex("foobar"), "85944171f73967e8");
}

}  // namespace
}  // namespace crossover
