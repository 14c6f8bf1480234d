// The architectures that let a handler's waiting pass without a thread.
#include <gtest/gtest.h>

#include <vector>

#include "base/clock.h"
#include "servers/sanitizers.h"
#include "servers/test_client.h"

namespace crossover {
namespace {

std::string Wait(int us) {
  return "GET /wait/" + std::to_string(us) + " HTTP/1.1\r\nHost: x\r\n\r\n";
}

class WithTimers : public testing::TestWithParam<const char*> {
 protected:
  static ServerOptions OneWorker() {
    ServerOptions options = OptionsFor(GetParam());
    options.knobs.workers = 1;
    return options;
  }
};

// A thread that slept would answer the others after the one that waits: it came first.
TEST_P(WithTimers, ServeOthersWhileOneWaits) {
  ServerOptions options = OneWorker();
  options.timeouts.drain_ns = 50'000'000;
  RunningServer server(options);
  Client slow(server->port());
  EXPECT_EQ(slow.Send(kGetHello).Receive(), Ok("Hello, C++"));
  slow.Send(Wait(10'000'000));
  std::vector<Client> others;
  for (int i = 0; i < 10; ++i) others.emplace_back(server->port());
  for (Client& other : others) EXPECT_EQ(other.Send(kGetHello).Receive(), Ok("Hello, C++"));
  for (Client& other : others) EXPECT_EQ(other.Send(Wait(1000)).Receive(), Ok("Hello, C++"));
  server.StopAndJoin();  // the end of the drain ends the waiting
  EXPECT_EQ(server->counters().requests, 21u);
  EXPECT_TRUE(slow.AtEnd());
}

// One after the other these would take 30 s, and the drain cuts off after 5.
TEST_P(WithTimers, LetManyWaitAtOnce) {
  RunningServer server(OneWorker());
  std::vector<Client> clients;
  for (int i = 0; i < 100; ++i) clients.emplace_back(server->port());
  for (Client& client : clients) EXPECT_EQ(client.Send(kGetHello).Receive(), Ok("Hello, C++"));
  for (Client& client : clients) client.Send(Wait(300'000));
  server.StopAndJoin();
  EXPECT_EQ(server->counters().requests, 200u);
  for (Client& client : clients) EXPECT_TRUE(client.Receive().starts_with("HTTP/1.1 200 "));
}

TEST_P(WithTimers, MissNothingThatComesMeanwhile) {
  RunningServer server(OneWorker());
  std::vector<Client> clients;
  for (int i = 0; i < 10; ++i) clients.emplace_back(server->port());
  for (Client& client : clients) client.Send(Wait(100'000));
  for (Client& client : clients) client.Send(kGetHello);
  for (Client& client : clients) client.Send(Wait(1)).EndOutput();
  for (Client& client : clients) {
    for (int i = 0; i < 3; ++i) EXPECT_EQ(client.Receive(), Ok("Hello, C++"));
    EXPECT_TRUE(client.AtEnd());
  }
}

TEST_P(WithTimers, SurviveClientsThatVanishMeanwhile) {
  RunningServer server(OneWorker());
  for (int i = 0; i < 20; ++i) {
    Client client(server->port());
    client.Send(kGetHello).Receive();
    client.Send(Wait(50'000));
    client.Abort();
  }
  Client client(server->port());
  EXPECT_EQ(client.Send(Wait(100'000)).Receive(), Ok("Hello, C++"));
}

TEST_P(WithTimers, AreNeverEarly) {
  RunningServer server(OneWorker());
  Client client(server->port());
  for (int i = 0; i < 20; ++i) {
    const int64_t asked_ns = MonotonicNs();
    EXPECT_EQ(client.Send(Wait(1500)).Receive(), Ok("Hello, C++"));
    EXPECT_GE(MonotonicNs() - asked_ns, 1'500'000);
  }
}

INSTANTIATE_TEST_SUITE_P(Servers, WithTimers,
                         testing::Values("asio-pool", "asio-per-core", "coroutine", "fiber",
                                         "io-uring-per-core"),
                         [](const auto& instance) {
                           std::string name(instance.param);
                           std::erase(name, '-');
                           return name;
                         });

#if !defined(CROSSOVER_ASAN) && !defined(CROSSOVER_TSAN)  // whose shadows have no room for this
// Of 128 TiB of addresses a stack of 16 TiB can be had a few times.
TEST(Fiber, RefusesConnectionsWithoutAStack) {
  constexpr size_t kClients = 20;
  ServerOptions options = OptionsFor("fiber");
  options.knobs.stack_bytes = size_t{1} << 44;
  RunningServer server(options);
  std::vector<Client> clients;
  for (size_t i = 0; i < kClients; ++i) clients.emplace_back(server->port());
  size_t refused = 0;
  for (Client& client : clients) {
    const std::string answer = client.TrySend(kGetHello).Receive();
    if (answer.starts_with("HTTP/1.1 503 ")) {
      ++refused;
    } else {
      EXPECT_EQ(answer, Ok("Hello, C++"));
    }
  }
  EXPECT_GT(refused, 0u);
  EXPECT_LT(refused, kClients);
  EXPECT_EQ(server->counters().thread_failures, refused);
  EXPECT_EQ(server->counters().rejected, refused);
  // The stacks of those that go are used again.
  for (Client& client : clients) client.Close();
  while (server->open() > 0) std::this_thread::yield();
  Client again(server->port());
  EXPECT_EQ(again.Send(kGetHello).Receive(), Ok("Hello, C++"));
}
#endif

}  // namespace
}  // namespace crossover
