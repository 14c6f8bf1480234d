#include "harness/profile/tracepoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <vector>

namespace crossover {
namespace {

using testing::HasSubstr;

// As Linux 6.18 has them; the second without its last line.
constexpr char kSchedSwitch[] = R"(name: sched_switch
ID: 372
format:
	field:unsigned short common_type;	offset:0;	size:2;	signed:0;
	field:unsigned char common_flags;	offset:2;	size:1;	signed:0;
	field:unsigned char common_preempt_count;	offset:3;	size:1;	signed:0;
	field:int common_pid;	offset:4;	size:4;	signed:1;

	field:char prev_comm[16];	offset:8;	size:16;	signed:0;
	field:pid_t prev_pid;	offset:24;	size:4;	signed:1;
	field:int prev_prio;	offset:28;	size:4;	signed:1;
	field:long prev_state;	offset:32;	size:8;	signed:1;
	field:char next_comm[16];	offset:40;	size:16;	signed:0;
	field:pid_t next_pid;	offset:56;	size:4;	signed:1;
	field:int next_prio;	offset:60;	size:4;	signed:1;

print fmt: "prev_comm=%s prev_pid=%d prev_prio=%d", REC->prev_comm, REC->prev_pid, REC->prev_prio
)";

constexpr char kSysEnter[] = R"(name: sys_enter
ID: 443
format:
	field:unsigned short common_type;	offset:0;	size:2;	signed:0;
	field:unsigned char common_flags;	offset:2;	size:1;	signed:0;
	field:unsigned char common_preempt_count;	offset:3;	size:1;	signed:0;
	field:int common_pid;	offset:4;	size:4;	signed:1;

	field:long id;	offset:8;	size:8;	signed:1;
	field:unsigned long args[6];	offset:16;	size:48;	signed:0;
)";

// Bytes of a raw record.
class Raw {
 public:
  explicit Raw(size_t bytes) : bytes_(bytes) {}
  template <typename T>
  Raw& Put(size_t offset, T value) {
    std::memcpy(&bytes_[offset], &value, sizeof value);
    return *this;
  }
  Raw& PutText(size_t offset, const char* text) {
    std::memcpy(&bytes_[offset], text, std::strlen(text));
    return *this;
  }
  std::span<const std::byte> first(size_t bytes) const { return std::span(bytes_).first(bytes); }
  std::span<const std::byte> all() const { return bytes_; }

 private:
  std::vector<std::byte> bytes_;
};

TEST(Tracepoint, ReadsTheFieldsOfASwitch) {
  const auto point = Tracepoint::Parse(kSchedSwitch);
  ASSERT_TRUE(point);
  EXPECT_EQ(point->id(), 372);
  EXPECT_TRUE(point->Has("prev_comm"));
  EXPECT_TRUE(point->Has("next_pid"));
  EXPECT_FALSE(point->Has("prev"));
  EXPECT_FALSE(point->Has("prev_comm[16]"));
  Raw raw(64);
  raw.Put<uint16_t>(0, 372)
      .PutText(8, "sixteen letters.")
      .Put<int32_t>(24, 1234)
      .Put<int64_t>(32, 0x102)
      .PutText(40, "next")
      .Put<int32_t>(56, -1);
  EXPECT_EQ(point->Integer(raw.all(), "common_type"), 372);
  EXPECT_EQ(point->Integer(raw.all(), "prev_pid"), 1234);
  EXPECT_EQ(point->Integer(raw.all(), "prev_state"), 0x102);
  EXPECT_EQ(point->Integer(raw.all(), "next_pid"), -1);
}

TEST(Tracepoint, MindsTheSign) {
  const auto point = Tracepoint::Parse(kSysEnter);
  ASSERT_TRUE(point);
  EXPECT_EQ(point->id(), 443);
  Raw raw(64);
  raw.Put<uint16_t>(0, 0xffff).Put<uint8_t>(2, 0x80).Put<int32_t>(4, -7).Put<int64_t>(8, -38);
  EXPECT_EQ(point->Integer(raw.all(), "common_type"), 0xffff);
  EXPECT_EQ(point->Integer(raw.all(), "common_flags"), 0x80);
  EXPECT_EQ(point->Integer(raw.all(), "common_pid"), -7);
  EXPECT_EQ(point->Integer(raw.all(), "id"), -38);
  EXPECT_TRUE(point->Has("args"));
  EXPECT_EQ(point->Integer(raw.all(), "args"), 0);  // no number
}

TEST(Tracepoint, ReadsNothingFromARecordThatIsTooShort) {
  const auto point = Tracepoint::Parse(kSchedSwitch);
  ASSERT_TRUE(point);
  Raw raw(64);
  raw.Put<int32_t>(24, 1234).PutText(40, "next");
  EXPECT_EQ(point->Integer(raw.first(28), "prev_pid"), 1234);
  EXPECT_EQ(point->Integer(raw.first(27), "prev_pid"), 0);
  EXPECT_EQ(point->Integer(raw.first(0), "prev_pid"), 0);
}

TEST(Tracepoint, KnowsAFieldsNameFromItsType) {
  const auto point = Tracepoint::Parse(
      "ID: 1\n"
      "\tfield:__data_loc char[] name;\toffset:8;\tsize:4;\tsigned:0;\n"
      "\tfield:__u8 saddr[sizeof(struct sockaddr_in6)];\toffset:12;\tsize:28;\tsigned:0;\n"
      "\tfield:const void * call_site;\toffset:40;\tsize:8;\tsigned:0;\n");
  ASSERT_TRUE(point);
  EXPECT_TRUE(point->Has("name"));
  EXPECT_TRUE(point->Has("saddr"));
  EXPECT_TRUE(point->Has("call_site"));
}

TEST(Tracepoint, IsNotMadeOfWhatIsNoFormat) {
  const std::string field = "\tfield:long id;\toffset:8;\tsize:8;\tsigned:1;\n";
  EXPECT_TRUE(Tracepoint::Parse("ID: 5\n" + field));
  EXPECT_FALSE(Tracepoint::Parse(""));
  EXPECT_FALSE(Tracepoint::Parse("no format\n"));
  EXPECT_FALSE(Tracepoint::Parse(field));
  EXPECT_FALSE(Tracepoint::Parse("ID: 5\n"));
  EXPECT_FALSE(Tracepoint::Parse("ID: x\n" + field));
  EXPECT_FALSE(Tracepoint::Parse("ID: 65536\n" + field));  // none is: it is 16 bits in a record
  EXPECT_FALSE(Tracepoint::Parse("ID: 5\n\tfield:long id;\tsize:8;\tsigned:1;\n"));
  EXPECT_FALSE(Tracepoint::Parse("ID: 5\n\tfield:long id;\toffset:8;\tsigned:1;\n"));
}

TEST(Tracepoint, ThatIsNotThereSaysWhatWouldHelp) {
  std::string why;
  EXPECT_FALSE(Tracepoint::Find("sched", "no_such_tracepoint", why));
  EXPECT_THAT(why, HasSubstr("no_such_tracepoint"));
  EXPECT_THAT(why, HasSubstr("need root and tracefs: mount -t tracefs"));
}

}  // namespace
}  // namespace crossover
