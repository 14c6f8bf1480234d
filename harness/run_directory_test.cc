#include "harness/run_directory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <fstream>
#include <sstream>

#include "base/error.h"

namespace crossover {
namespace {

namespace fs = std::filesystem;

class RunDirectoryTest : public testing::Test {
 protected:
  RunDirectoryTest() {
    std::string name = (fs::temp_directory_path() / "run_directory_test.XXXXXX").string();
    root_ = ::mkdtemp(name.data());
    log_.run.run_id = "id";
    log_.run.created_utc = "2026-11-22T22:00:00Z";
    log_.run.experiment.name = "test";
    log_.run.experiment.architectures = {{.name = "a", .label = "a", .options = {}}};
    log_.run.experiment.connections = {5, 20};
    log_.run.server_cpus = "0";
    log_.run.client_cpus = "1";
  }
  ~RunDirectoryTest() override { fs::remove_all(root_); }

  static std::string Read(const fs::path& path) {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
  }

  static TrialRecord Record(size_t index, int64_t connections, bool failed) {
    TrialRecord record;
    record.index = index;
    record.architecture = "a";
    record.connections = connections;
    record.workload = "hello";
    record.started_utc = "2026-11-22T22:00:00Z";
    if (failed) record.verdict.reasons = {{.code = "failed", .detail = "the server ended"}};
    return record;
  }

  fs::path root_;
  TrialLog log_;
};

TEST_F(RunDirectoryTest, WriterAppendsLinesAndCutsWhatIsNotWhole) {
  const fs::path path = root_ / "trials.jsonl";
  std::ofstream(path) << "{\"a\":1}\n{\"b\":";
  {
    TrialWriter writer(path, 8);
    writer.Append({{"c", 2}});
    EXPECT_EQ(Read(path), "{\"a\":1}\n{\"c\":2}\n");
    EXPECT_THROW(TrialWriter(path, 0), UsageError);  // somebody writes to it
    EXPECT_EQ(Read(path), "{\"a\":1}\n{\"c\":2}\n");
  }
  EXPECT_NO_THROW(TrialWriter(path, 16));
}

TEST_F(RunDirectoryTest, NamesAreStampsAndNeverTaken) {
  EXPECT_EQ(MakeRunId("2026-11-22T22:00:00Z", "smoke-test"), "20261122T220000Z-smoke-test");
  EXPECT_EQ(MakeRunDirectory(root_ / "results", "x"), root_ / "results" / "x");
  EXPECT_EQ(MakeRunDirectory(root_ / "results", "x"), root_ / "results" / "x-2");
  EXPECT_EQ(MakeRunDirectory(root_ / "results", "x"), root_ / "results" / "x-3");
}

TEST_F(RunDirectoryTest, LatestIsARelativeLinkThatMoves) {
  for (const char* name : {"one", "two"}) {
    PointLatestTo(root_, MakeRunDirectory(root_, name));
    EXPECT_EQ(fs::read_symlink(root_ / "latest"), name);
  }
  EXPECT_EQ(std::distance(fs::directory_iterator(root_), fs::directory_iterator()), 3);
  fs::remove(root_ / "latest");
  fs::create_directory(root_ / "latest");
  EXPECT_THROW(PointLatestTo(root_, root_ / "one"), UsageError);
}

TEST_F(RunDirectoryTest, ForgetsTheTrialsThatFailedOutright) {
  const fs::path path = root_ / "trials.jsonl";
  {
    TrialWriter writer(path, 0);
    writer.Append(ToJson(log_.run));
    writer.Append(ToJson(Record(0, 5, true)));
    writer.Append(ToJson(Record(1, 20, false)));
  }
  TrialLog log = ReadTrialLog(path);
  ASSERT_EQ(log.trials.size(), 2U);
  ForgetFailedTrials(path, log);
  ASSERT_EQ(log.trials.size(), 1U);
  EXPECT_EQ(log.trials.front().index, 1U);
  EXPECT_EQ(log.complete_bytes, fs::file_size(path));
  EXPECT_EQ(ReadTrialLog(path).trials.size(), 1U);
}

}  // namespace
}  // namespace crossover
