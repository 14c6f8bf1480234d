// What io-uring-per-core has beyond the other architectures: waits that hold up nobody, receives
// that run ahead of the session, and buffers that run out.
#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "servers/server.h"
#include "servers/test_client.h"

namespace crossover {
namespace {

ServerOptions OneWorker() {
  ServerOptions options = OptionsFor("io-uring-per-core");
  options.knobs.workers = 1;
  return options;
}

std::string GetOf(std::string_view path) {
  return "GET " + std::string(path) + " HTTP/1.1\r\nHost: x\r\n\r\n";
}

// The first answer of those that wait long says that their second request is in the worker's hands.
TEST(IoUringPerCore, WaitsOverlapAndAreCutOff) {
  ServerOptions options = OneWorker();
  options.timeouts.drain_ns = 50'000'000;
  RunningServer server(options);
  std::vector<Client> patient;
  for (int i = 0; i < 9; ++i) patient.emplace_back(server->port());
  for (Client& client : patient) {
    client.Send(std::string(kGetHello) + GetOf("/wait/10000000"));
    EXPECT_EQ(client.Receive(), Ok("Hello, C++"));
  }
  Client quick(server->port());
  const int64_t asked_ns = MonotonicNs();
  EXPECT_EQ(quick.Send(GetOf("/wait/20000")).Receive(), Ok("Hello, C++"));
  EXPECT_GE(MonotonicNs() - asked_ns, 20'000'000);
  server.StopAndJoin();
  EXPECT_LT(MonotonicNs() - asked_ns, 10'000'000'000);  // no wait went to its end
  for (Client& client : patient) EXPECT_TRUE(client.AtEnd());
  EXPECT_EQ(server->counters().requests, 10u);
  EXPECT_EQ(server->open(), 0u);
}

TEST(IoUringPerCore, KeepsWhatArrivesDuringAWait) {
  RunningServer server(OneWorker());
  Client client(server->port());
  client.Send(std::string(kGetHello) + GetOf("/wait/20000"));
  EXPECT_EQ(client.Receive(), Ok("Hello, C++"));
  client.Send(GetOf("/bytes/3")).EndOutput();
  EXPECT_EQ(client.Receive(), Ok("Hello, C++"));
  EXPECT_EQ(client.Receive(), Ok("012", "application/octet-stream"));
  EXPECT_TRUE(client.AtEnd());
}

// A client that only ever sends: what it sends must stay where it is, in the end with the client.
TEST(IoUringPerCore, TakesNoMoreFromAClientThatDoesNotRead) {
  constexpr size_t kBytesMax = 16 * 1024 * 1024;  // more than the sockets hold meanwhile
  ServerOptions options = OneWorker();
  options.timeouts.idle_ns = 1'000'000'000;  // which cuts the client off
  RunningServer server(options);
  Client client(server->port());
  std::string requests;
  while (requests.size() < 1024 * 1024) requests += GetOf("/bytes/10000");
  client.Send(GetOf("/bytes/16000000"));
  size_t sent = 0;
  while (sent < kBytesMax && server->counters().timeouts == 0) {
    client.TrySend(requests);
    sent += requests.size();
  }
  EXPECT_EQ(server->counters().timeouts, 1u);
  EXPECT_LT(sent, kBytesMax);
}

// Requests and answers are more than all buffers on the way hold, so that receiving stops and goes
// on.
TEST(IoUringPerCore, AnswersAllThatWasSentAhead) {
  constexpr int kRequests = 8'000;
  RunningServer server(OneWorker());
  Client client(server->port());
  std::string requests;
  for (int i = 0; i < kRequests; ++i) requests += GetOf("/bytes/" + std::to_string(1000 + i % 7));
  std::thread sender([&] { client.TrySend(requests); });
  int good = 0;
  for (int i = 0; i < kRequests; ++i) {
    const size_t size = client.Receive().size();
    good +=
        size ==
        Ok(std::string(static_cast<size_t>(1000 + i % 7), 'x'), "application/octet-stream").size();
  }
  sender.join();
  EXPECT_EQ(good, kRequests);
}

// The smallest queues there are, 64 entries and buffers, of which one request takes 50.
TEST(IoUringPerCore, ServesMoreThanItHasBuffersFor) {
  ServerOptions options = OneWorker();
  options.knobs.batch = 1;
  RunningServer server(options);
  const std::string body(100'000, 'b');
  const std::string request =
      "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(body.size()) +
      "\r\n\r\n" + body;
  std::vector<Client> clients;
  for (int i = 0; i < 100; ++i) clients.emplace_back(server->port());
  for (int round = 0; round < 2; ++round) {
    for (Client& client : clients) client.Send(request);
    for (Client& client : clients) {
      ASSERT_EQ(client.Receive(), Ok(body, "application/octet-stream"));
    }
  }
  server.StopAndJoin();
  EXPECT_EQ(server->counters().requests, 200u);
}

// Those that found no buffer are served although others ask again and again.
TEST(IoUringPerCore, LetsNobodyWaitForABufferForever) {
  ServerOptions options = OneWorker();
  options.knobs.batch = 1;
  RunningServer server(options);
  const std::string request =
      "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 20000\r\n\r\n" + std::string(20'000, 'b');
  constexpr int kThreads = 4;
  constexpr int kRounds = 20;
  std::vector<std::jthread> threads;
  std::atomic<int> answered = 0;
  for (int thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&] {
      std::vector<Client> clients;
      for (int i = 0; i < 25; ++i) clients.emplace_back(server->port()).Send(request);
      for (int round = 0; round < kRounds; ++round) {
        for (Client& client : clients) {
          if (!client.Receive().empty()) ++answered;
          client.Send(round + 1 < kRounds ? request : "");
        }
      }
    });
  }
  threads.clear();
  EXPECT_EQ(answered, kThreads * 25 * kRounds);
}

TEST(IoUringPerCore, SpinsBeforeItBlocks) {
  ServerOptions options = OneWorker();
  options.knobs.busy_poll_ns = 100'000;
  RunningServer server(options);
  Client client(server->port());
  for (int i = 0; i < 10; ++i) ASSERT_EQ(client.Send(kGetHello).Receive(), Ok("Hello, C++"));
}

}  // namespace
}  // namespace crossover
