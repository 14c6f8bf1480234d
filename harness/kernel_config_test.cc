#include "harness/kernel_config.h"

#include <gtest/gtest.h>

namespace crossover {
namespace {

TEST(KernelConfig, TellsWhatIsSetFromWhatIsNot) {
  const nlohmann::json options = SpeedOptions(
      "CONFIG_HZ_250=y\nCONFIG_HZ=250\n# CONFIG_PREEMPT is not set\nCONFIG_PREEMPT_DYNAMIC=y\n"
      "CONFIG_KASAN_SHADOW_OFFSET=0x1\n");
  EXPECT_EQ(options["HZ"], "250");
  EXPECT_EQ(options["PREEMPT_DYNAMIC"], "y");
  EXPECT_EQ(options["PREEMPT"], "n");
  EXPECT_EQ(options["KASAN"], "n");
  EXPECT_FALSE(options.contains("HZ_250"));
  EXPECT_EQ(SpeedOptions("CONFIG_HZ=100")["HZ"], "100");
}

TEST(KernelConfig, OfThisKernelOrAReason) {
  std::string why;
  const auto config = ReadKernelConfig("no-such-release", why);
  EXPECT_NE(config.has_value(), why.find("/boot/config-no-such-release") != std::string::npos);
  if (config) {
    EXPECT_NE(config->find("CONFIG_"), std::string::npos);
  }
}

TEST(KernelConfig, WordsOfTheCommandLine) {
  EXPECT_EQ(SpeedWords("root=UUID=1234 mitigations=off quiet isolcpus=1-3 nosmt preempt=full\n"),
            "mitigations=off isolcpus=1-3 nosmt preempt=full");
  EXPECT_EQ(SpeedWords("quiet idler=poll -- nosmt"), "");
  EXPECT_EQ(SpeedWords(""), "");
}

}  // namespace
}  // namespace crossover
