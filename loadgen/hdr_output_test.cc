#include "loadgen/hdr_output.h"

#include <gtest/gtest.h>

#include <sstream>

namespace crossover {
namespace {

Histogram Sample() {
  Histogram histogram;
  for (int64_t i = 1; i <= 1000; ++i) histogram.Record(i * 1'000'000);
  return histogram;
}

TEST(HgrmText, HasTheColumnsThatPlottersRead) {
  std::istringstream lines(HgrmText(Sample()));
  std::string line;
  std::getline(lines, line);
  EXPECT_EQ(line, "       Value     Percentile TotalCount 1/(1-Percentile)");
  std::getline(lines, line);
  EXPECT_EQ(line, "");
  double before = 0;
  double percentile = 0;
  unsigned long long count = 0;
  while (std::getline(lines, line) && !line.starts_with("#")) {
    double value = 0;
    ASSERT_EQ(std::sscanf(line.c_str(), "%lf %lf %llu", &value, &percentile, &count), 3) << line;
    EXPECT_GE(value, before);
    // Value and rank belong together, within a bucket.
    EXPECT_NEAR(value, static_cast<double>(count), 0.004 * value + 1e-9);
    EXPECT_GE(static_cast<double>(count), percentile * 1000 - 1e-6);
    before = value;
  }
  EXPECT_EQ(percentile, 1.0);
  EXPECT_EQ(count, 1000u);
  EXPECT_EQ(line.substr(0, 24), "#[Mean    =      500.500");
  std::getline(lines, line);
  EXPECT_EQ(line, "#[Max     =     1000.000, Total count    =         1000]");
}

TEST(HgrmText, OfNothing) {
  const std::string text = HgrmText(Histogram());
  EXPECT_NE(text.find("Total count    =            0]"), std::string::npos) << text;
  EXPECT_EQ(text.find("nan"), std::string::npos) << text;
}

// What HdrHistogram's Java implementation decodes (compare/hdr_check.py) is fixed here; zlib may
// one day deflate otherwise, and then that script tells whether it still is the same.
TEST(HdrV2, IsWhatTheJavaImplementationReads) {
  Histogram histogram;
  for (const int64_t value : {0, 1, 511, 512, 1'000'000, 1'000'000, 1'000'000'000}) {
    histogram.Record(value);
  }
  EXPECT_EQ(HdrV2Base64(histogram),
            "HISTFAAAAC94nJNpmSzMwMDAzwABzFCakYGh/j8I2H+ACDAx/WRnYmQ6uIyRZe58RiYADmULtw==");
}

}  // namespace
}  // namespace crossover
