// One table over every architecture: whatever the threads do, the bytes are the same.
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <thread>

#include "servers/conformance_cases.h"
#include "servers/test_client.h"

namespace crossover {
namespace {

using End = ConformanceCase::End;
using What = ConformanceStep::What;

// Requests up to this size are sent byte by byte as well.
constexpr size_t kSmallBytes = 300;

size_t BytesSent(const ConformanceCase& talk) {
  size_t bytes = 0;
  for (const ConformanceStep& step : talk.steps) {
    if (step.what == What::kClient) bytes += step.bytes.size();
  }
  return bytes;
}

// Gives `bytes` in pieces: up to offset `first`, then by `size` at a time, each a send of its own.
// Offsets count from the beginning of the connection.
class Sender {
 public:
  Sender(size_t first, size_t size) : next_(first), size_(size) {}

  void Send(Client& client, std::string_view bytes) {
    while (!bytes.empty()) {
      const std::string_view piece = bytes.substr(0, next_ - sent_);
      client.TrySend(piece);
      sent_ += piece.size();
      bytes.remove_prefix(piece.size());
      if (sent_ == next_) next_ += size_;
    }
  }

 private:
  size_t sent_ = 0;
  size_t next_;
  const size_t size_;
};

constexpr size_t kWhole = size_t{1} << 40;

void Play(const ConformanceCase& talk, uint16_t port, Sender sender) {
  Client client(port);
  for (const ConformanceStep& step : talk.steps) {
    switch (step.what) {
      case What::kClient:
        sender.Send(client, step.bytes);
        break;
      case What::kServer:
        ASSERT_EQ(WithoutDates(client.Take(step.bytes.size())), step.bytes);
        break;
      case What::kSome:
        client.ReceiveSome();
        break;
      case What::kHalfClose:
        client.EndOutput();
        break;
      case What::kClose:
        client.Close();
        break;
      case What::kReset:
        client.Abort();
        break;
    }
  }
  if (talk.end == End::kClosed) {
    EXPECT_TRUE(client.AtEnd());
  } else if (talk.end == End::kOpen) {
    EXPECT_EQ(client.Send(kGetHello).Receive(), Ok("Hello, C++"));
  }
}

// The server has let go of every connection.
void AwaitNoneOpen(RunningServer& server) {
  while (server->open() > 0) std::this_thread::yield();
}

class Conformance : public testing::TestWithParam<ArchitectureEntry> {
 protected:
  RunningServer server_{OptionsFor(GetParam().name)};
};

TEST_P(Conformance, SaysWhatTheTableSays) {
  for (const ConformanceCase& talk : ConformanceCases()) {
    SCOPED_TRACE(talk.name);
    Play(talk, server_->port(), Sender(kWhole, kWhole));
    if (HasFailure()) return;
    AwaitNoneOpen(server_);
  }
  Client client(server_->port());
  EXPECT_EQ(client.Send(kGetHello).Receive(), Ok("Hello, C++"));
}

TEST_P(Conformance, SaysTheSameToSingleBytes) {
  for (const ConformanceCase& talk : ConformanceCases()) {
    if (BytesSent(talk) > kSmallBytes) continue;
    SCOPED_TRACE(talk.name);
    Play(talk, server_->port(), Sender(1, 1));
    if (HasFailure()) return;
  }
  AwaitNoneOpen(server_);
}

TEST_P(Conformance, SaysTheSameForEverySplit) {
  for (const ConformanceCase& talk : ConformanceCases()) {
    const bool split = talk.name == "one request" || talk.name == "a sized body" ||
                       talk.name == "chunk extensions" || talk.name == "an expectation met" ||
                       talk.name == "no size of a chunk";
    if (!split) continue;
    SCOPED_TRACE(talk.name);
    for (size_t first = 1; first < BytesSent(talk); ++first) {
      Play(talk, server_->port(), Sender(first, kWhole));
      if (HasFailure()) return;
    }
  }
  AwaitNoneOpen(server_);
}

INSTANTIATE_TEST_SUITE_P(Servers, Conformance,
                         testing::ValuesIn(Architectures().begin(), Architectures().end()),
                         [](const auto& instance) { return TestName(instance.param); });

}  // namespace
}  // namespace crossover
