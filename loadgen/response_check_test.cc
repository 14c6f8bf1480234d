#include "loadgen/response_check.h"

#include <gtest/gtest.h>

#include <vector>

#include "loadgen/test_server.h"

namespace crossover {
namespace {

std::string Response(const std::string& date = "Sun, 22 Nov 2026 22:00:00 GMT",
                     const std::string& body = "Crossover\n") {
  return "HTTP/1.1 200 OK\r\nServer: test\r\nDate: " + date +
         "\r\nContent-Type: text/plain\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\n\r\n" + body;
}

// As good as Response(), but not byte for byte.
std::string OtherOrder() {
  return "HTTP/1.1 200 Fine\r\ncontent-length: 10\r\nServer: test\r\n\r\nCrossover\n";
}

std::string Chunked() {
  return "HTTP/1.1 200 OK\r\nTransfer-Encoding: "
         "chunked\r\n\r\n5\r\nCross\r\n5\r\nover\n\r\n0\r\n\r\n";
}

class ResponseCheckTest : public testing::Test {
 protected:
  Verdict Feed(std::string_view bytes) { return check_.Feed(progress_, bytes); }
  // Fed in pieces of `size`; the verdict of the last one. All others must be kIncomplete.
  Verdict FeedInPieces(std::string_view bytes, size_t size) {
    for (; bytes.size() > size; bytes.remove_prefix(size)) {
      EXPECT_EQ(Feed(bytes.substr(0, size)), Verdict::kIncomplete);
      EXPECT_TRUE(progress_.begun());
    }
    const Verdict verdict = Feed(bytes);
    EXPECT_FALSE(progress_.begun());
    return verdict;
  }
  void Learn() { ASSERT_EQ(Feed(Response()), Verdict::kVerified); }

  LearnedResponse learned_;
  ResponseCheck check_{learned_, false, std::nullopt};
  ResponseProgress progress_;
};

TEST_F(ResponseCheckTest, LearnsFromTheFirstAndComparesTheRest) {
  Learn();
  EXPECT_EQ(Feed(Response()), Verdict::kVerified);
  EXPECT_EQ(Feed(Response()), Verdict::kVerified);
  EXPECT_EQ(check_.full_count(), 1u);
  EXPECT_EQ(check_.fast_count(), 2u);
  EXPECT_TRUE(check_.keep_alive());
}

TEST_F(ResponseCheckTest, TakesEverySplitOfAStream) {
  const std::vector<std::string> stream = {
      Response(),   Response("Sun, 22 Nov 2026 22:00:01 GMT"),
      OtherOrder(), Response("Mon, 23 Nov 2026 00:59:07 GMT"),
      Chunked(),    Response(),
  };
  for (size_t size = 1; size <= Response().size(); ++size) {
    LearnedResponse learned;
    ResponseCheck check(learned, false, std::nullopt);
    for (const std::string& response : stream) {
      std::string_view rest = response;
      Verdict verdict = Verdict::kIncomplete;
      while (!rest.empty()) {
        ASSERT_EQ(verdict, Verdict::kIncomplete) << size;
        verdict = check.Feed(progress_, rest.substr(0, size));
        rest.remove_prefix(std::min(size, rest.size()));
      }
      ASSERT_EQ(verdict, Verdict::kVerified) << size << response;
      ASSERT_FALSE(progress_.begun());
    }
    EXPECT_EQ(check.full_count(), 3u) << size;
    EXPECT_EQ(check.fast_count(), 3u) << size;
  }
}

TEST_F(ResponseCheckTest, TakesEverySplitInTwo) {
  Learn();
  for (const std::string& response : {Response("Tue, 24 Nov 2026 11:22:33 GMT"), OtherOrder()}) {
    for (size_t at = 1; at < response.size(); ++at) {
      ASSERT_EQ(Feed(response.substr(0, at)), Verdict::kIncomplete) << at;
      ASSERT_EQ(Feed(response.substr(at)), Verdict::kVerified) << at;
    }
  }
}

TEST_F(ResponseCheckTest, SeesEveryByteThatIsWrongWhateverTheSplit) {
  const std::string good = Response();
  const size_t date = good.find("Sun, ");
  const size_t body = good.find("Crossover");
  for (size_t at = 0; at < good.size(); ++at) {
    std::string bad = good;
    bad[at] = '\x01';
    const bool in_head_text = at < body && !(at >= date && at < date + 29);
    for (const size_t size : {size_t{1}, size_t{7}, good.size()}) {
      // A parser of its own each time: the connection is not used after a bad response.
      LearnedResponse learned;
      ResponseCheck check(learned, false, std::nullopt);
      ResponseProgress progress;
      ASSERT_EQ(check.Feed(progress, good), Verdict::kVerified);
      Verdict verdict = Verdict::kIncomplete;
      for (std::string_view rest = bad; !rest.empty() && verdict == Verdict::kIncomplete;
           rest.remove_prefix(std::min(size, rest.size()))) {
        verdict = check.Feed(progress, rest.substr(0, size));
      }
      ASSERT_NE(verdict, Verdict::kVerified) << at << ' ' << size;
      if (at >= body) {
        ASSERT_EQ(verdict, Verdict::kWrongBody) << at;
      } else if (!in_head_text) {
        ASSERT_EQ(verdict, Verdict::kMalformed) << at;
      }
    }
  }
}

TEST_F(ResponseCheckTest, TellsWhatIsWrong) {
  Learn();
  EXPECT_EQ(FeedInPieces("HTTP/1.1 503 No\r\nContent-Length: 10\r\n\r\nCrossover\n", 200),
            Verdict::kWrongStatus);
  EXPECT_TRUE(check_.keep_alive());
  EXPECT_EQ(FeedInPieces("HTTP/1.1 503 No\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno", 10),
            Verdict::kWrongStatus);
  EXPECT_FALSE(check_.keep_alive());
  EXPECT_EQ(Feed(Response("Sun, 22 Nov 2026 22:00:00 GMT", "Crossover.")), Verdict::kWrongBody);
  EXPECT_EQ(Feed(Response("Sun, 22 Nov 2026 22:00:00 GMT", "Crossover\n\n")), Verdict::kWrongBody);
  EXPECT_EQ(Feed(Response("Sun, 22 Nov 2026 22:00:00 GMT", "Crossove")), Verdict::kWrongBody);
  EXPECT_EQ(Feed("SSH-2.0-OpenSSH_9.2\r\n"), Verdict::kMalformed);
  EXPECT_FALSE(check_.keep_alive());
  EXPECT_EQ(Feed("HTTP/1.1 200 OK\r\n\r\nCrossover\n"), Verdict::kMalformed);  // without a length
  EXPECT_EQ(Feed("HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"), Verdict::kMalformed);
  EXPECT_EQ(Feed("HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n"), Verdict::kMalformed);
  EXPECT_EQ(Feed(Response()), Verdict::kVerified);
  EXPECT_TRUE(check_.keep_alive());
}

TEST_F(ResponseCheckTest, HoldsTheHeaderToItsLimitWhateverTheSplit) {
  const auto response = [](size_t fields) {
    std::string text = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n";
    for (size_t i = 0; i < fields; ++i) text += "A: b\r\n";
    return text + "\r\nok";
  };
  for (const size_t size : {size_t{6}, size_t{1000}, size_t{1'000'000}}) {
    LearnedResponse learned;
    ResponseCheck check(learned, false, std::nullopt);
    for (const size_t fields : {size_t{5'000}, size_t{50'000}}) {
      Verdict verdict = Verdict::kIncomplete;
      const std::string text = response(fields);
      for (std::string_view rest = text; !rest.empty() && verdict == Verdict::kIncomplete;
           rest.remove_prefix(std::min(size, rest.size()))) {
        verdict = check.Feed(progress_, rest.substr(0, size));
      }
      EXPECT_EQ(verdict, fields == 5'000 ? Verdict::kVerified : Verdict::kMalformed) << size;
    }
  }
}

TEST_F(ResponseCheckTest, RefusesBytesThatNobodyAskedFor) {
  EXPECT_EQ(Feed(Response() + Response()), Verdict::kMalformed);
  Learn();
  EXPECT_EQ(Feed(Response() + "x"), Verdict::kMalformed);
  EXPECT_EQ(Feed(Response() + Response()), Verdict::kMalformed);
  EXPECT_EQ(Feed(Response().substr(0, 20)), Verdict::kIncomplete);
  EXPECT_EQ(Feed(Response().substr(20) + "x"), Verdict::kMalformed);
}

TEST_F(ResponseCheckTest, DoesNotLearnFromAWrongResponse) {
  EXPECT_EQ(Feed("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"), Verdict::kWrongStatus);
  Learn();
  EXPECT_EQ(Feed(Response()), Verdict::kVerified);
}

TEST_F(ResponseCheckTest, ADateOfAnotherFormIsParsedInFull) {
  Learn();
  EXPECT_EQ(Feed(Response("Sunday, 22-Nov-26 22:00:00 GM")), Verdict::kVerified);
  EXPECT_EQ(check_.full_count(), 2u);
}

TEST_F(ResponseCheckTest, AllThreadsOfARunExpectTheSame) {
  Learn();
  ResponseCheck other(learned_, false, std::nullopt);
  ResponseProgress progress;
  EXPECT_EQ(other.Feed(progress, Response("Sun, 22 Nov 2026 22:00:00 GMT", "another...")),
            Verdict::kWrongBody);
  EXPECT_EQ(other.Feed(progress, Response()), Verdict::kVerified);
}

TEST_F(ResponseCheckTest, AnEchoMustEqualWhatWasSent) {
  ResponseCheck echo(learned_, false, "ping");
  ResponseProgress progress;
  const std::string date = "Sun, 22 Nov 2026 22:00:00 GMT";
  EXPECT_EQ(echo.Feed(progress, Response(date, "pong")), Verdict::kWrongBody);
  EXPECT_EQ(echo.Feed(progress, Response(date, "ping")), Verdict::kVerified);
  EXPECT_EQ(echo.Feed(progress, Response(date, "ping")), Verdict::kVerified);
  EXPECT_EQ(echo.fast_count(), 1u);
}

TEST_F(ResponseCheckTest, ResponsesToHeadHaveNoBody) {
  ResponseCheck head(learned_, true, std::nullopt);
  ResponseProgress progress;
  const std::string response = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n";
  EXPECT_EQ(head.Feed(progress, response), Verdict::kVerified);
  EXPECT_EQ(head.Feed(progress, response), Verdict::kVerified);
  EXPECT_EQ(head.Feed(progress, response + "Crossover\n"), Verdict::kMalformed);
}

TEST_F(ResponseCheckTest, TellsThatTheServerWillClose) {
  const std::string closing = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok";
  EXPECT_EQ(Feed(closing), Verdict::kVerified);
  EXPECT_FALSE(check_.keep_alive());
  EXPECT_EQ(Feed(closing), Verdict::kVerified);
  EXPECT_FALSE(check_.keep_alive());
  EXPECT_EQ(Feed("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"), Verdict::kVerified);
  EXPECT_TRUE(check_.keep_alive());
  EXPECT_EQ(Feed("HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok"), Verdict::kVerified);
  EXPECT_FALSE(check_.keep_alive());
}

TEST(PipelinedResponses, AreToldApartHoweverTheyAreSplit) {
  const std::string one = TestResponse("Crossover\n");
  const std::string other = TestResponse("Crossover\n", "X: y\r\n");
  const std::string stream = one + one + other + one + TestResponse("no") + one;
  for (size_t size = 1; size <= stream.size(); ++size) {
    LearnedResponse run;
    ResponseCheck check(run, /*is_head=*/false, std::nullopt, /*pipelined=*/true);
    ResponseProgress progress;
    std::vector<Verdict> verdicts;
    for (size_t at = 0; at < stream.size(); at += size) {
      std::string_view bytes = std::string_view(stream).substr(at, size);
      while (!bytes.empty()) {
        const Verdict verdict = check.Feed(progress, bytes);
        bytes.remove_prefix(bytes.size() - check.left());
        if (verdict != Verdict::kIncomplete) verdicts.push_back(verdict);
      }
    }
    using enum Verdict;
    EXPECT_EQ(verdicts, (std::vector<Verdict>{kVerified, kVerified, kVerified, kVerified,
                                              kWrongBody, kVerified}))
        << size;
  }
}

}  // namespace
}  // namespace crossover
