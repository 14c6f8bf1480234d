#include "servers/handler.h"

#include <gtest/gtest.h>

#include <string>

#include "base/clock.h"

namespace crossover {
namespace {

Reply Get(std::string_view target) { return Handle({.method = Method::kGet, .target = target}); }

TEST(Handler, RootHasTenBytes) { EXPECT_EQ(Get("/").body.size(), 10u); }

TEST(Handler, BytesHaveTheSizeAskedFor) {
  EXPECT_EQ(Get("/bytes/0").body.size(), 0u);
  EXPECT_EQ(Get("/bytes/12345").body.size(), 12345u);
  EXPECT_EQ(Get("/bytes/100").body, Get("/bytes/200").body.substr(0, 100));
}

TEST(Handler, CpuUsesTheThreadsTime) {
  const int64_t before_ns = ThreadCpuNs();
  EXPECT_EQ(Get("/cpu/2000").status, 200u);
  EXPECT_GE(ThreadCpuNs() - before_ns, 2'000'000);
}

TEST(Handler, WaitIsLeftToTheCaller) {
  const Reply reply = Get("/wait/250");
  EXPECT_EQ(reply.wait_ns, 250'000);
  EXPECT_EQ(reply.body.size(), 10u);
}

TEST(Handler, EchoesPostsOnly) {
  EXPECT_EQ(Handle({.method = Method::kPost, .target = "/echo", .body = "abc"}).body, "abc");
  EXPECT_EQ(Get("/echo").status, 405u);
  EXPECT_EQ(Get("/echo").allow, "POST");
  EXPECT_EQ(Handle({.method = Method::kPost, .target = "/"}).status, 405u);
  EXPECT_EQ(Handle({.method = Method::kHead, .target = "/"}).status, 200u);
}

TEST(Handler, RefusesNumbersThatAreNone) {
  for (const char* target : {"/bytes/", "/bytes/-1", "/bytes/1x", "/bytes/99999999999", "/cpu/1.5",
                             "/wait/10000001", "/cpu/18446744073709551616"}) {
    EXPECT_EQ(Get(target).status, 400u) << target;
  }
}

TEST(Handler, FindsThePath) {
  EXPECT_EQ(Get("/?a=/bytes/1").body.size(), 10u);
  EXPECT_EQ(Get("http://example.test/bytes/3").body.size(), 3u);
  EXPECT_EQ(Get("http://example.test").body.size(), 10u);
  for (const char* target : {"", "*", "/bytes", "//", "/other", "bytes/1"}) {
    EXPECT_EQ(Get(target).status, 404u) << target;
  }
}

}  // namespace
}  // namespace crossover
