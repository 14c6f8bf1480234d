#include "harness/fingerprint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness/environment.h"

namespace crossover {
namespace {

using nlohmann::json;

json SomeEnvironment() {
  return {{"kernel", "6.1.0"},
          {"cpu_model", "Some CPU"},
          {"compiler", "g++ 12.2.0"},
          {"governor", nullptr},
          {"sysctl", {{"net.core.somaxconn", "4096"}, {"kernel.pid_max", "32768"}}},
          {"load_average_before", 0.2},
          {"git_revision", "1234"},
          {"hostname_fnv1a64", "0011223344556677"},
          {"programs", {{"crossover-server", {{"bytes", 1}, {"fnv1a64", "1"}}}}}};
}

TEST(Fingerprint, ChangesWithWhatBearsOnSpeed) {
  const std::string base = EnvironmentFingerprint(SomeEnvironment());
  EXPECT_THAT(base, testing::MatchesRegex("[0-9a-f]{16}"));
  for (const char* key : {"kernel", "cpu_model", "compiler", "governor", "compiler_flags"}) {
    json changed = SomeEnvironment();
    changed[key] = "another";
    EXPECT_NE(EnvironmentFingerprint(changed), base) << key;
  }
  json changed = SomeEnvironment();
  changed["sysctl"]["net.core.somaxconn"] = "128";
  EXPECT_NE(EnvironmentFingerprint(changed), base);
}

TEST(Fingerprint, StaysWithTheRest) {
  json other = SomeEnvironment();
  other["load_average_before"] = 7.5;
  other["git_revision"] = "5678";
  other["hostname_fnv1a64"] = "7766554433221100";
  other["programs"]["crossover-server"]["fnv1a64"] = "2";
  other["fingerprint"] = "0000000000000000";
  EXPECT_EQ(EnvironmentFingerprint(other), EnvironmentFingerprint(SomeEnvironment()));
}

TEST(Fingerprint, OfThisMachineIsRecordedAndStable) {
  const json first = CaptureEnvironment(MachineLimits{}, {"/proc/self/exe"});
  const json second = CaptureEnvironment(MachineLimits{}, {});
  EXPECT_EQ(first["fingerprint"], second["fingerprint"]);
  EXPECT_EQ(first["fingerprint"], EnvironmentFingerprint(first));
}

TEST(Fingerprint, DifferencesAreNamed) {
  json other = SomeEnvironment();
  EXPECT_TRUE(EnvironmentDifferences(SomeEnvironment(), other).empty());
  other["kernel"] = "6.2.0";
  other["governor"] = "performance";
  other["sysctl"]["net.core.somaxconn"] = "128";
  other["git_revision"] = "5678";
  other.erase("compiler");  // of a version that did not record it
  other["sysctl"].erase("kernel.pid_max");
  other["glibc_version"] = "2.36";
  const auto differences = EnvironmentDifferences(SomeEnvironment(), other);
  ASSERT_EQ(differences.size(), 3u);
  EXPECT_EQ(differences[0].key, "governor");
  EXPECT_EQ(differences[0].first, "null");
  EXPECT_EQ(differences[1].key, "kernel");
  EXPECT_EQ(differences[1].second, "6.2.0");
  EXPECT_EQ(differences[2].key, "sysctl.net.core.somaxconn");
}

}  // namespace
}  // namespace crossover
