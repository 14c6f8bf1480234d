#include "harness/wording.h"

#include <gtest/gtest.h>

namespace crossover {
namespace {

TEST(IntegerText, GroupsThousands) {
  EXPECT_EQ(IntegerText(0), "0");
  EXPECT_EQ(IntegerText(999), "999");
  EXPECT_EQ(IntegerText(1000), "1,000");
  EXPECT_EQ(IntegerText(-1000), "-1,000");
  EXPECT_EQ(IntegerText(-999), "-999");
  EXPECT_EQ(IntegerText(1'234'567), "1,234,567");
}

TEST(NumberText, KeepsThreeDigits) {
  EXPECT_EQ(NumberText(0), "0");
  EXPECT_EQ(NumberText(0.00001234), "1.2e-05");
  EXPECT_EQ(NumberText(0.012345), "0.0123");
  EXPECT_EQ(NumberText(0.98765), "0.988");
  EXPECT_EQ(NumberText(1), "1.00");
  EXPECT_EQ(NumberText(1.8), "1.80");
  EXPECT_EQ(NumberText(9.996), "10.0");
  EXPECT_EQ(NumberText(12.34), "12.3");
  EXPECT_EQ(NumberText(99.96), "100");
  EXPECT_EQ(NumberText(999.6), "1,000");
  EXPECT_EQ(NumberText(16384.4), "16,384");
  EXPECT_EQ(NumberText(-2.5), "-2.50");
}

TEST(ListText, JoinsAsPeopleDo) {
  EXPECT_EQ(ListText({}), "");
  EXPECT_EQ(ListText({"a"}), "a");
  EXPECT_EQ(ListText({"a", "b"}), "a and b");
  EXPECT_EQ(ListText({"a", "b", "c"}), "a, b and c");
}

TEST(CountText, KnowsTheSingular) {
  EXPECT_EQ(CountText(1, "trial"), "1 trial");
  EXPECT_EQ(CountText(1200, "trial"), "1,200 trials");
}

TEST(Wording, Percentages) {
  EXPECT_EQ(PercentText(0.03), "3 %");
  EXPECT_EQ(PercentText(0.005), "0.5 %");
  EXPECT_EQ(PercentText(0), "0 %");
}

}  // namespace
}  // namespace crossover
