#include "harness/profile/perf_event.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "harness/profile/known_work.h"
#include "harness/profile/tracepoint.h"

namespace crossover {
namespace {

using testing::HasSubstr;

TEST(RecordReader, ReadsOneFieldAfterTheOther) {
  const uint32_t words[] = {1, 2, 3, 4};
  RecordReader record(std::as_bytes(std::span(words)));
  EXPECT_EQ(record.Take<uint32_t>(), 1u);
  EXPECT_EQ(record.Take<uint64_t>(), 2u | uint64_t{3} << 32);
  EXPECT_EQ(record.TakeBytes(4).size(), 4u);
  EXPECT_TRUE(record.ok());
  EXPECT_TRUE(record.TakeBytes(0).empty());
  EXPECT_TRUE(record.ok());
}

TEST(RecordReader, ReadsZerosFromWhatIsTooShortAndSaysSo) {
  const uint32_t words[] = {1, 2, 3};
  RecordReader number(std::as_bytes(std::span(words)));
  number.Take<uint64_t>();
  EXPECT_TRUE(number.ok());
  EXPECT_EQ(number.Take<uint64_t>(), 0u);
  EXPECT_FALSE(number.ok());
  EXPECT_EQ(number.Take<uint32_t>(), 0u);  // not what is left of it
  EXPECT_FALSE(number.ok());
  RecordReader bytes(std::as_bytes(std::span(words)));
  EXPECT_TRUE(bytes.TakeBytes(13).empty());
  EXPECT_FALSE(bytes.ok());
  EXPECT_EQ(bytes.Take<uint32_t>(), 0u);
  RecordReader none({});
  EXPECT_EQ(none.Take<uint8_t>(), 0u);
  EXPECT_FALSE(none.ok());
}

TEST(PerfEvent, ThatIsRefusedSaysWhy) {
  perf_event_attr attr{};
  attr.type = UINT32_MAX;
  std::string why;
  EXPECT_FALSE(PerfEvent::Open(attr, 0, 4096, why));
  EXPECT_THAT(why, HasSubstr("perf_event_open: "));
}

// System calls getppid on one CPU, in a ring of one page.
class PerfEventTest : public testing::Test {
 protected:
  struct Drained {
    int64_t calls = 0;  // of this thread
    uint64_t lost = 0;
    int64_t bad = 0;  // records that are not what they should be
  };

  void SetUp() override {
    std::string why;
    point_ = Tracepoint::Find("raw_syscalls", "sys_enter", why);
    if (!point_) GTEST_SKIP() << why;
    perf_event_attr attr{};
    attr.type = PERF_TYPE_TRACEPOINT;
    attr.config = point_->id();
    attr.sample_period = 1;
    attr.sample_type = PERF_SAMPLE_TID | PERF_SAMPLE_RAW;
    auto event = PerfEvent::Open(attr, cpu_, 1, why);
    if (!event) GTEST_SKIP() << why;
    event_.emplace(std::move(*event));
    ASSERT_TRUE(event_->Filter("id == " + std::to_string(SYS_getppid), why)) << why;
  }

  Drained Drain() {
    Drained out;
    event_->Drain([&](uint32_t type, uint16_t /*misc*/, std::span<const std::byte> body) {
      RecordReader record(body);
      record.Take<uint32_t>();
      const auto thread = static_cast<pid_t>(record.Take<uint32_t>());
      const auto raw = record.TakeBytes(record.Take<uint32_t>());
      const bool good = type == PERF_RECORD_SAMPLE && record.ok() &&
                        point_->Integer(raw, "common_type") == point_->id() &&
                        point_->Integer(raw, "id") == SYS_getppid;
      if (!good) ++out.bad;
      if (good && thread == gettid()) ++out.calls;
    });
    out.lost = event_->TakeLost();
    return out;
  }

  const int cpu_ = AllowedCpus().front();
  std::optional<Tracepoint> point_;
  std::optional<PerfEvent> event_;
};

TEST_F(PerfEventTest, ReadsRecordsThatWrapAround) {
  RunOn(cpu_, [&] {
    event_->Enable();
    // A page has room for some 40: the end is passed at a different place each time.
    for (int round = 0; round < 300; ++round) {
      CallGetppid(13);
      const Drained drained = Drain();
      EXPECT_EQ(drained.calls, 13) << round;
      EXPECT_EQ(drained.bad, 0) << round;
      EXPECT_EQ(drained.lost, 0u) << round;
    }
    event_->Disable();
    CallGetppid(13);
    EXPECT_EQ(Drain().calls, 0);
  });
}

TEST_F(PerfEventTest, CountsWhatDidNotFit) {
  RunOn(cpu_, [&] {
    event_->Enable();
    CallGetppid(500);
    const Drained full = Drain();
    EXPECT_GT(full.calls, 10);
    EXPECT_LT(full.calls, 500);
    // At once, and not with the next record that has room.
    EXPECT_GE(full.lost + static_cast<uint64_t>(full.calls), 500u);
    EXPECT_EQ(full.bad, 0);
    CallGetppid(1);
    const Drained after = Drain();
    event_->Disable();
    EXPECT_EQ(after.calls, 1);
    EXPECT_EQ(after.lost, 0u);
    EXPECT_EQ(after.bad, 0);
  });
}

TEST_F(PerfEventTest, KeepsWhatWasCollected) {
  RunOn(cpu_, [&] {
    event_->Enable();
    for (int round = 0; round < 50; ++round) {
      CallGetppid(13);
      event_->Collect();
    }
    CallGetppid(7);
    event_->Disable();
    const Drained drained = Drain();
    EXPECT_EQ(drained.calls, 50 * 13 + 7);
    EXPECT_EQ(drained.bad, 0);
    EXPECT_EQ(drained.lost, 0u);
    EXPECT_EQ(Drain().calls, 0);
  });
}

TEST_F(PerfEventTest, MovesWithItsRing) {
  RunOn(cpu_, [&] {
    event_->Enable();
    CallGetppid(2);
    event_->Collect();
    CallGetppid(1);
    PerfEvent moved(std::move(*event_));
    event_.emplace(std::move(moved));
    CallGetppid(4);
    EXPECT_EQ(Drain().calls, 7);
  });
}

TEST_F(PerfEventTest, RefusesAFilterThatIsNone) {
  std::string why;
  EXPECT_FALSE(event_->Filter("no_such_field == 1", why));
  EXPECT_THAT(why, HasSubstr("PERF_EVENT_IOC_SET_FILTER: "));
}

}  // namespace
}  // namespace crossover
