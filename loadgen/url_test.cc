#include "loadgen/url.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "loadgen/request.h"

namespace crossover {
namespace {

TEST(Url, IsTakenApart) {
  const Url plain = ParseUrl("http://127.0.0.1:8080/bytes/10?a=b");
  EXPECT_EQ(plain.host, "127.0.0.1");
  EXPECT_EQ(plain.port, 8080);
  EXPECT_EQ(plain.target, "/bytes/10?a=b");
  EXPECT_EQ(plain.authority, "127.0.0.1:8080");

  const Url bare = ParseUrl("http://localhost");
  EXPECT_EQ(bare.host, "localhost");
  EXPECT_EQ(bare.port, 80);
  EXPECT_EQ(bare.target, "/");
  EXPECT_EQ(ParseUrl("http://localhost?x").target, "/?x");

  const Url v6 = ParseUrl("http://[::1]:99/x");
  EXPECT_EQ(v6.host, "::1");
  EXPECT_EQ(v6.port, 99);
  EXPECT_EQ(v6.authority, "[::1]:99");
}

TEST(Url, RefusesWhatCantBeLoaded) {
  for (const char* text :
       {"", "localhost", "https://localhost/", "ftp://x/", "http://", "http:///x", "http://x:0/",
        "http://x:65536/", "http://x:y/", "http://u@x/", "http://x/#f", "http://x/ y",
        "http://[::1", "http://[zz]/", "http://[::1]x/", "http://x:80y/", "http://x/\n",
        "http://x/\x80"}) {
    EXPECT_THROW(ParseUrl(text), UsageError) << text;
  }
}

TEST(Url, IsResolved) {
  EXPECT_EQ(Resolve(ParseUrl("http://127.0.0.1:81/")).ToText(), "127.0.0.1:81");
  EXPECT_EQ(Resolve(ParseUrl("http://[::1]:82/")).ToText(), "[::1]:82");
  EXPECT_EQ(Resolve(ParseUrl("http://localhost/")).family(), AF_INET);
}

TEST(SourceAddresses, AreOfLoopbackInTurn) {
  const SocketAddress loopback = Resolve(ParseUrl("http://127.0.0.1:82/"));
  EXPECT_EQ(SourceAddress(loopback, 7, 1).length, 0u);  // one will do
  EXPECT_EQ(SourceAddress(loopback, 0, 3).ToText(), "127.0.0.1:0");
  EXPECT_EQ(SourceAddress(loopback, 5, 3).ToText(), "127.0.0.3:0");
  EXPECT_EQ(SourceAddress(loopback, 999, 1000).ToText(), "127.0.3.232:0");
  EXPECT_EQ(SourceAddress(Resolve(ParseUrl("http://[::1]:82/")), 0, 2).length, 0u);
  EXPECT_EQ(SourceAddress(Resolve(ParseUrl("http://192.0.2.1:82/")), 0, 2).length, 0u);
}

TEST(Request, IsBuiltOnce) {
  const Url url = ParseUrl("http://localhost:8080/a?b");
  EXPECT_EQ(BuildRequest(url.authority, url.target, Method::kGet).bytes,
            "GET /a?b HTTP/1.1\r\nHost: localhost:8080\r\nUser-Agent: crossover-load/0.1\r\n"
            "Accept: */*\r\n\r\n");
  const Request post = BuildRequest(url.authority, url.target, Method::kPost, BodyOf(5));
  EXPECT_EQ(post.body, "!\"#$%");
  EXPECT_TRUE(post.bytes.ends_with("Content-Length: 5\r\n\r\n!\"#$%")) << post.bytes;
}

TEST(Request, KnowsItsMethods) {
  EXPECT_EQ(ParseMethod("get"), Method::kGet);
  EXPECT_EQ(ParseMethod("POST"), Method::kPost);
  EXPECT_EQ(ParseMethod("HEAD"), Method::kHead);
  EXPECT_THROW(ParseMethod("BREW"), UsageError);
}

}  // namespace
}  // namespace crossover
