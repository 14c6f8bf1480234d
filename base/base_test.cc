#include <gtest/gtest.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/cpu_list.h"
#include "base/duration.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/limits.h"
#include "base/ndjson.h"

namespace crossover {
namespace {

TEST(Duration, ReadsEveryUnit) {
  EXPECT_EQ(ParseDurationNs("50ns", "x"), 50);
  EXPECT_EQ(ParseDurationNs("100us", "x"), 100'000);
  EXPECT_EQ(ParseDurationNs("250ms", "x"), 250'000'000);
  EXPECT_EQ(ParseDurationNs("1.5s", "x"), 1'500'000'000);
  EXPECT_EQ(ParseDurationNs("2m", "x"), 120'000'000'000);
  EXPECT_EQ(ParseDurationNs("0s", "x"), 0);
}

TEST(Duration, RefusesWhatIsNoDurationAndNamesIt) {
  for (const char* text : {"", "5", "s", "-1s", "1 s", "1sec", "nan", "infs", "1e30s", "25h"}) {
    try {
      ParseDurationNs(text, "load.warmup");
      ADD_FAILURE() << "accepted '" << text << "'";
    } catch (const UsageError& error) {
      EXPECT_NE(std::string(error.what()).find("load.warmup"), std::string::npos);
    }
  }
}

TEST(Duration, FormatsForPeople) {
  EXPECT_EQ(FormatDurationNs(12'000), "12 us");
  EXPECT_EQ(FormatDurationNs(850'000'000), "850 ms");
  EXPECT_EQ(FormatDurationNs(12'400'000'000), "12.4 s");
  EXPECT_EQ(FormatDurationNs(200'000'000'000), "3 m 20 s");
}

TEST(CpuList, RoundTrips) {
  EXPECT_EQ(ParseCpuList("3,0-1,8", "x"), (std::vector<int>{0, 1, 3, 8}));
  EXPECT_EQ(FormatCpuList({0, 1, 3, 8, 9, 10}), "0-1,3,8-10");
  EXPECT_EQ(FormatCpuList({}), "");
}

TEST(CpuList, RefusesWhatIsNoList) {
  for (const char* text : {"", "a", "1-", "3-1", "1,,2", "-1", "0-99999", "1;2"}) {
    EXPECT_THROW(ParseCpuList(text, "x"), UsageError) << text;
  }
}

class Pipe : public testing::Test {
 protected:
  Pipe() {
    int ends[2];
    EXPECT_EQ(::pipe(ends), 0);
    reader_.Reset(ends[0]);
    writer_.Reset(ends[1]);
  }
  Fd reader_;
  Fd writer_;
};

TEST_F(Pipe, CarriesLinesOfJson) {
  ASSERT_TRUE(WriteJsonLine(writer_.get(), {{"event", "ready"}, {"port", 80}}));
  ASSERT_TRUE(WriteJsonLine(writer_.get(), {{"event", "done"}}));
  LineReader lines(reader_.get());
  std::string line;
  const int64_t deadline_ns = MonotonicNs() + 10 * kNsPerSecond;
  ASSERT_EQ(lines.Next(line, deadline_ns), LineReader::Status::kLine);
  EXPECT_EQ(line, R"({"event":"ready","port":80})");
  ASSERT_EQ(lines.Next(line, deadline_ns), LineReader::Status::kLine);
  EXPECT_EQ(line, R"({"event":"done"})");
}

TEST_F(Pipe, TellsNothingYetFromTheEnd) {
  LineReader lines(reader_.get());
  std::string line;
  ASSERT_EQ(::write(writer_.get(), "unfin", 5), 5);
  EXPECT_EQ(lines.Next(line, 0), LineReader::Status::kTimeout);
  ASSERT_EQ(::write(writer_.get(), "ished\nrest", 10), 10);
  EXPECT_EQ(lines.Next(line, 0), LineReader::Status::kLine);
  EXPECT_EQ(line, "unfinished");
  writer_.Reset();
  EXPECT_EQ(lines.Next(line, 0), LineReader::Status::kEnd);
}

}  // namespace
}  // namespace crossover
