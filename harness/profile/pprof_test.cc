#include "harness/profile/pprof.h"

#include <gtest/gtest.h>

namespace crossover {
namespace {

// Of a byte each: the message's length, and so on.
std::string Bytes(std::initializer_list<int> bytes) {
  std::string text;
  for (const int byte : bytes) text += static_cast<char>(byte);
  return text;
}

TEST(Pprof, IsTheMessageByteForByte) {
  const Stacks stacks = {{{{"main", false}, {"send", true}}, 3}};
  std::string expected = Bytes({0x32, 0});  // the table begins with the empty string
  const auto string = [](const std::string& text) {
    return Bytes({0x32, static_cast<int>(text.size())}) + text;
  };
  expected += string("cpu") + string("nanoseconds") + string("samples") + string("count");
  expected += Bytes({0x0a, 4, 0x08, 3, 0x10, 4});  // samples, count
  expected += Bytes({0x0a, 4, 0x08, 1, 0x10, 2});  // cpu, nanoseconds
  expected += Bytes({0x5a, 4, 0x08, 1, 0x10, 2});  // the period's type
  expected += Bytes({0x60, 0xac, 0x02});           // 300 as a varint
  expected += string("send_[k]");                  // the leaf comes first: function 1, location 1
  expected += Bytes({0x2a, 6, 0x08, 1, 0x10, 5, 0x18, 5});
  expected += Bytes({0x22, 6, 0x08, 1, 0x22, 2, 0x08, 1});
  expected += string("main");
  expected += Bytes({0x2a, 6, 0x08, 2, 0x10, 6, 0x18, 6});
  expected += Bytes({0x22, 6, 0x08, 2, 0x22, 2, 0x08, 2});
  expected += Bytes({0x12, 9, 0x08, 1, 0x08, 2, 0x10, 3, 0x10, 0x84, 0x07});  // 3, and 900 ns
  EXPECT_EQ(ToPprof(stacks, 300), expected);
}

TEST(Pprof, TellsEachFunctionOnce) {
  const Stacks stacks = {{{{"f", false}, {"f", false}}, 1}, {{{"f", false}}, 2}};
  const std::string bytes = ToPprof(stacks, 1);
  ASSERT_NE(bytes.find("\x32\x01"
                       "f"),
            std::string::npos);
  EXPECT_EQ(bytes.find("\x32\x01"
                       "f"),
            bytes.rfind("\x32\x01"
                        "f"));
}

}  // namespace
}  // namespace crossover
