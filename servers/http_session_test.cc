#include "servers/http_session.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "base/limits.h"
#include "servers/test_client.h"

namespace crossover {
namespace {

using Step = HttpSession::Step;

// A session with a fixed date, and the loop that an architecture would be: what it sends gathers in
// `output`.
class Peer {
 public:
  Peer() : context_{.date = DateSource([] { return time_t{784111777}; })} {}

  // Sends `input` in chunks of at most `chunk` bytes, as far as the session takes it.
  Peer& Send(std::string_view input, size_t chunk = std::string_view::npos) {
    while (!input.empty() && session_.step() == Step::kRead) {
      const auto buffer = session_.ReadBuffer();
      const size_t n = std::min({chunk, input.size(), buffer.size()});
      std::memcpy(buffer.data(), input.data(), n);
      input.remove_prefix(n);
      session_.Received(n);
      ++reads;
      Settle();
    }
    return *this;
  }
  Peer& End() {
    if (session_.step() == Step::kRead) session_.EndOfInput();
    Settle();
    return *this;
  }

  HttpSession& session() { return session_; }
  bool closed() const { return session_.step() == Step::kClose; }
  // The session wants no more requests: it has closed, or discards until the peer does.
  bool finished() const { return closed() || shut_down; }
  std::string status() const { return output.substr(0, output.find('\r')); }
  Counters::Shard& counters() { return counters_; }
  SessionContext& context() { return context_; }

  std::string output;
  std::vector<int64_t> waits_ns;
  int reads = 0;
  int writes = 0;
  bool shut_down = false;

 private:
  void Settle() {
    while (true) {
      if (session_.step() == Step::kWrite) {
        const auto bytes = session_.PendingOutput();
        // In two pieces, so that a short send is always part of the test.
        const size_t n = (bytes.size() + 1) / 2;
        output.append(bytes.data(), n);
        ++writes;
        session_.Sent(n);
      } else if (session_.step() == Step::kWait) {
        waits_ns.push_back(session_.wait_ns());
        session_.WaitOver();
      } else if (session_.step() == Step::kShutdown) {
        shut_down = true;
        session_.ShutdownDone();
      } else {
        return;
      }
    }
  }

  SessionContext context_;
  Counters::Shard counters_;
  HttpSession session_{context_, counters_};
};

std::string DatedOk(std::string_view body, std::string_view type = "text/plain") {
  return "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nServer: crossover\r\n"
         "Content-Type: " +
         std::string(type) + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
         std::string(body);
}

TEST(HttpSession, AnswersAndStaysOpen) {
  Peer peer;
  EXPECT_EQ(peer.Send(kGetHello).output, DatedOk("Hello, C++"));
  EXPECT_EQ(peer.session().step(), Step::kRead);
  EXPECT_EQ(peer.session().phase(), HttpSession::Phase::kIdle);
  EXPECT_EQ(peer.Send(kGetHello).output, DatedOk("Hello, C++") + DatedOk("Hello, C++"));
  EXPECT_EQ(peer.counters().requests, 2u);
  EXPECT_TRUE(peer.End().closed());
}

TEST(HttpSession, HeadHasTheHeaderOnly) {
  Peer peer;
  const std::string whole = DatedOk("Hello, C++");
  EXPECT_EQ(peer.Send("HEAD / HTTP/1.1\r\nHost: x\r\n\r\n").output,
            whole.substr(0, whole.size() - 10));
  EXPECT_EQ(peer.session().step(), Step::kRead);
}

TEST(HttpSession, RefusesAHeadWithoutABody) {
  Peer peer;
  peer.Send("HEAD / HTTP/1.1\r\n\r\n");
  EXPECT_EQ(peer.status(), "HTTP/1.1 400 Bad Request");
  EXPECT_TRUE(peer.output.ends_with("\r\n\r\n"));
}

TEST(HttpSession, EchoesSizedAndChunkedBodies) {
  Peer sized;
  EXPECT_EQ(sized.Send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nabcde").output,
            DatedOk("abcde", "application/octet-stream"));
  Peer chunked;
  EXPECT_EQ(chunked
                .Send("POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                      "3;ext=1\r\nabc\r\n2\r\nde\r\n0\r\nTrailer: t\r\n\r\n")
                .output,
            DatedOk("abcde", "application/octet-stream"));
  EXPECT_EQ(chunked.Send(kGetHello).counters().requests, 2u);
}

TEST(HttpSession, ClosesWhenAsked) {
  Peer peer;
  peer.Send("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_TRUE(peer.closed());
  EXPECT_NE(peer.output.find("Connection: close\r\n"), std::string::npos);
}

TEST(HttpSession, SpeaksHttp10) {
  Peer closing;
  closing.Send("GET / HTTP/1.0\r\n\r\n");
  EXPECT_EQ(closing.status(), "HTTP/1.0 200 OK");
  EXPECT_TRUE(closing.closed());
  Peer keeping;
  keeping.Send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_NE(keeping.output.find("Connection: keep-alive\r\n"), std::string::npos);
  EXPECT_EQ(keeping.session().step(), Step::kRead);
}

TEST(HttpSession, ContinuesOnExpectation) {
  Peer peer;
  peer.Send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(peer.output, "HTTP/1.1 100 Continue\r\n\r\n");
  EXPECT_EQ(peer.session().phase(), HttpSession::Phase::kBody);
  peer.output.clear();
  EXPECT_EQ(peer.Send("ok").output, DatedOk("ok", "application/octet-stream"));
}

TEST(HttpSession, WaitsAndWritesWhatCameBeforeFirst) {
  Peer peer;
  peer.Send(std::string(kGetHello) + "GET /wait/1500 HTTP/1.1\r\nHost: x\r\n\r\n" +
            std::string(kGetHello));
  EXPECT_EQ(peer.waits_ns, std::vector<int64_t>{1'500'000});
  EXPECT_EQ(peer.output, DatedOk("Hello, C++") + DatedOk("Hello, C++") + DatedOk("Hello, C++"));
}

TEST(HttpSession, WritesOnceForPipelinedRequests) {
  Peer peer;
  std::string ten;
  for (int i = 0; i < 10; ++i) ten += kGetHello;
  peer.Send(ten);
  EXPECT_EQ(peer.reads, 1);
  // Halved again and again, an output of n bytes takes log2(n) + 1 sends; ten outputs would take
  // nearly ten times as many.
  EXPECT_LT(peer.writes, 16);
  EXPECT_EQ(peer.counters().requests, 10u);
}

TEST(HttpSession, GivesLargeBodiesInPieces) {
  Peer peer;
  peer.Send("GET /bytes/1000000 HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(peer.output.size(), 1'000'000 + peer.output.find("\r\n\r\n") + 4);
  EXPECT_EQ(peer.counters().requests, 1u);

  Peer watched;
  HttpSession& session = watched.session();
  constexpr std::string_view kLarge = "GET /bytes/1000000 HTTP/1.1\r\nHost: x\r\n\r\n";
  std::memcpy(session.ReadBuffer().data(), kLarge.data(), kLarge.size());
  session.Received(kLarge.size());
  ASSERT_EQ(session.step(), Step::kWrite);
  EXPECT_LE(session.PendingOutput().size(), 2 * limits::kOutputBytesMax);
}

TEST(HttpSession, DrainingClosesAfterTheResponse) {
  Peer peer;
  peer.context().draining = true;
  EXPECT_TRUE(peer.Send(kGetHello).finished());
  EXPECT_NE(peer.output.find("Connection: close\r\n"), std::string::npos);
  EXPECT_TRUE(peer.End().closed());
}

struct Refusal {
  const char* what;
  std::string input;
  const char* status;
};

class Refused : public testing::TestWithParam<Refusal> {};

std::vector<Refusal> Refusals() {
  const std::string host = "Host: x\r\n";
  const std::string large(limits::kHeaderBytesMax, 'a');
  return {
      {"garbage", std::string("\x00\x01\xff\xfe garbage\r\n\r\n", 15), "400 Bad Request"},
      {"garbage without end", std::string(3 * limits::kHeaderBytesMax, 'x'),
       "431 Request Header Fields Too Large"},
      {"large header", "GET / HTTP/1.1\r\n" + host + "A: " + large + "\r\n\r\n",
       "431 Request Header Fields Too Large"},
      {"large target", "GET /" + large + " HTTP/1.1\r\n" + host + "\r\n",
       "431 Request Header Fields Too Large"},
      {"large body", "POST /echo HTTP/1.1\r\n" + host + "Content-Length: 1048577\r\n\r\n",
       "413 Payload Too Large"},
      {"large chunk",
       "POST /echo HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n200000\r\n",
       "413 Payload Too Large"},
      {"large body, expectation",
       "POST /echo HTTP/1.1\r\n" + host + "Content-Length: 9999999\r\nExpect: 100-continue\r\n\r\n",
       "413 Payload Too Large"},
      {"version", "GET / HTTP/2.0\r\n" + host + "\r\n", "505 HTTP Version Not Supported"},
      {"no version", "GET /\r\n" + host + "\r\n", "400 Bad Request"},
      {"no host", "GET / HTTP/1.1\r\n\r\n", "400 Bad Request"},
      {"two hosts", "GET / HTTP/1.1\r\n" + host + host + "\r\n", "400 Bad Request"},
      {"method", "BREW / HTTP/1.1\r\n" + host + "\r\n", "501 Not Implemented"},
      {"coding", "POST /echo HTTP/1.1\r\n" + host + "Transfer-Encoding: gzip\r\n\r\n",
       "501 Not Implemented"},
      {"two lengths",
       "POST /echo HTTP/1.1\r\n" + host + "Content-Length: 1\r\nContent-Length: 2\r\n\r\nab",
       "400 Bad Request"},
      {"length and coding",
       "POST /echo HTTP/1.1\r\n" + host +
           "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
       "400 Bad Request"},
      {"bad chunk",
       "POST /echo HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\nzz\r\n\r\n",
       "400 Bad Request"},
      {"endless chunk extension",
       "POST /echo HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n1;" +
           std::string(100'000, 'a'),
       "431 Request Header Fields Too Large"},
      {"endless trailer",
       "POST /echo HTTP/1.1\r\n" + host +
           "Transfer-Encoding: chunked\r\n\r\n0\r\nA: " + std::string(65'600, 'a') + "\r\n\r\n",
       "431 Request Header Fields Too Large"},
      {"two hosts in HTTP/1.0", "GET / HTTP/1.0\r\n" + host + host + "\r\n", "400 Bad Request"},
      {"expectation", "GET / HTTP/1.1\r\n" + host + "Expect: miracles\r\n\r\n",
       "417 Expectation Failed"},
  };
}

TEST_P(Refused, IsAnsweredAndClosedWhateverTheSplit) {
  const Refusal& refusal = GetParam();
  for (const size_t chunk : {size_t{1}, size_t{7}, size_t{64}, size_t{100'000}}) {
    Peer peer;
    peer.Send(refusal.input, chunk);
    EXPECT_EQ(peer.status(), std::string("HTTP/1.1 ") + refusal.status) << refusal.what;
    EXPECT_NE(peer.output.find("Connection: close\r\n"), std::string::npos) << refusal.what;
    EXPECT_TRUE(peer.finished()) << refusal.what;
    EXPECT_EQ(peer.counters().protocol_errors, 1u) << refusal.what;
    EXPECT_TRUE(peer.End().closed()) << refusal.what;
  }
}

INSTANTIATE_TEST_SUITE_P(HttpSession, Refused, testing::ValuesIn(Refusals()));

// Each piece ends a field and begins the next one, so that a parser could take field after field.
TEST(HttpSession, HoldsTheHeaderToItsLimitFieldByField) {
  Peer peer;
  peer.Send("GET / HTTP/1.1\r\nA");
  while (!peer.finished() && peer.reads < 10'000) peer.Send(": b\r\nA");
  EXPECT_EQ(peer.status(), "HTTP/1.1 431 Request Header Fields Too Large");
}

TEST(HttpSession, AnswersATruncatedRequestWith400) {
  for (const std::string_view input :
       {"GE", "GET / HTTP/1.1\r\nHost",
        "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nab",
        "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab"}) {
    Peer peer;
    peer.Send(input).End();
    EXPECT_EQ(peer.status(), "HTTP/1.1 400 Bad Request") << input;
    EXPECT_TRUE(peer.finished()) << input;
  }
}

TEST(HttpSession, AnswersASlowRequestWith408) {
  Peer peer;
  peer.Send("GET / HTTP/1.1\r\nHo");
  EXPECT_EQ(peer.session().phase(), HttpSession::Phase::kHeader);
  peer.session().TimedOut();
  EXPECT_EQ(peer.session().step(), Step::kWrite);
  peer.End();
  EXPECT_EQ(peer.status(), "HTTP/1.1 408 Request Timeout");
  Peer idle;
  idle.session().TimedOut();
  EXPECT_TRUE(idle.closed());
  EXPECT_EQ(idle.output, "");
}

TEST(HttpSession, DiscardsAfterAnErrorWithinALimit) {
  Peer peer;
  peer.Send("GET / HTTP/2.0\r\n\r\n");
  ASSERT_TRUE(peer.shut_down);
  ASSERT_FALSE(peer.closed());
  const std::string answer = peer.output;
  peer.Send(std::string(limits::kLingerBytesMax / 2, 'x'));
  EXPECT_FALSE(peer.closed());
  peer.Send(std::string(limits::kLingerBytesMax, 'x'));
  EXPECT_TRUE(peer.closed());
  EXPECT_EQ(peer.output, answer);
}

// Everything that a stream can hold, one after the other, up to a request that closes.
std::string Stream() {
  std::string stream;
  stream += kGetHello;
  stream += "\r\n";
  stream += "HEAD /bytes/77 HTTP/1.1\r\nHost: x\r\nUser-Agent: split\r\n\r\n";
  stream += "GET /bytes/3000?query=1 HTTP/1.1\r\nhost: x\r\nAccept: */*\r\n\r\n";
  stream +=
      "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 26\r\n\r\nabcdefghijklmnopqrstuvwxyz";
  stream +=
      "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
      "a;name=value\r\n0123456789\r\n1a\r\nabcdefghijklmnopqrstuvwxyz\r\n0\r\nX: y\r\n\r\n";
  stream +=
      "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\nyes";
  stream += "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
  stream += "GET http://x/ HTTP/1.1\r\nHost: x\r\n\r\n";
  stream += "GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n";
  stream += "DELETE / HTTP/1.1\r\nHost: x\r\n\r\n";
  stream += "GET /bytes/x HTTP/1.1\r\nHost: x\r\n\r\n";
  stream += "GET /wait/1 HTTP/1.1\r\nHost: x\r\n\r\n";
  stream += "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";
  stream += "GET /bytes/100 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
  return stream;
}

TEST(HttpSession, SaysTheSameForEverySplit) {
  const std::string stream = Stream();
  Peer whole;
  whole.Send(stream);
  EXPECT_TRUE(whole.closed());
  EXPECT_EQ(whole.counters().requests, 14u);
  EXPECT_EQ(whole.counters().protocol_errors, 0u);
  for (size_t chunk = 1; chunk <= 63; ++chunk) {
    Peer split;
    split.Send(stream, chunk);
    EXPECT_EQ(split.output, whole.output) << "chunks of " << chunk;
    EXPECT_TRUE(split.closed()) << "chunks of " << chunk;
    EXPECT_EQ(split.counters().requests, 14u) << "chunks of " << chunk;
  }
}

TEST(HttpSession, SaysTheSameForEverySplitInTwo) {
  const std::string stream = Stream();
  Peer whole;
  whole.Send(stream);
  for (size_t first = 1; first < stream.size(); ++first) {
    Peer split;
    split.Send(std::string_view(stream).substr(0, first));
    split.Send(std::string_view(stream).substr(first));
    EXPECT_EQ(split.output, whole.output) << "split after " << first;
  }
}

TEST(OverloadedResponse, IsA503ThatCloses) {
  const SessionContext context{.date = DateSource([] { return time_t{784111777}; })};
  const std::string response = OverloadedResponse(context);
  EXPECT_TRUE(response.starts_with("HTTP/1.1 503 Service Unavailable\r\n"));
  EXPECT_NE(response.find("Connection: close\r\n"), std::string::npos);
}

}  // namespace
}  // namespace crossover
