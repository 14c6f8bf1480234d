// The life of servers and connections, over every architecture: limits, timeouts, drain. What they
// say is in conformance_test.cc.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <filesystem>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/fd.h"
#include "servers/server.h"
#include "servers/test_client.h"

namespace crossover {
namespace {

class EveryArchitecture : public testing::TestWithParam<ArchitectureEntry> {
 protected:
  ServerOptions Options() const { return OptionsFor(GetParam().name); }
};

TEST_P(EveryArchitecture, KeepsConnectionsAlive) {
  RunningServer server(Options());
  Client client(server->port());
  for (int i = 0; i < 100; ++i) ASSERT_EQ(client.Send(kGetHello).Receive(), Ok("Hello, C++"));
  server.StopAndJoin();  // a request is counted after its last byte is sent
  EXPECT_EQ(server->counters().accepted, 1u);
  EXPECT_EQ(server->counters().requests, 100u);
}

TEST_P(EveryArchitecture, SendsMoreThanTheSocketTakes) {
  RunningServer server(Options());
  Client client(server->port());
  client.Send("GET /bytes/16000000 HTTP/1.1\r\nHost: x\r\n\r\n").Send(kGetHello);
  EXPECT_GT(client.Receive().size(), 16'000'000u);
  EXPECT_EQ(client.Receive(), Ok("Hello, C++"));
}

TEST_P(EveryArchitecture, ServesManyAtOnce) {
  constexpr int kClients = 200;
  RunningServer server(Options());
  std::vector<Client> clients;
  for (int i = 0; i < kClients; ++i) clients.emplace_back(server->port());
  for (int round = 0; round < 3; ++round) {
    for (Client& client : clients) client.Send(kGetHello);
    for (Client& client : clients) ASSERT_EQ(client.Receive(), Ok("Hello, C++"));
  }
  EXPECT_EQ(server->open(), static_cast<size_t>(kClients));
  server.StopAndJoin();
  EXPECT_EQ(server->counters().requests, 3u * kClients);
}

TEST_P(EveryArchitecture, SurvivesClientsThatVanish) {
  RunningServer server(Options());
  for (int i = 0; i < 50; ++i) {
    Client client(server->port());
    client.Send(i % 2 == 0 ? kGetHello : "GET /bytes/1000000 HTTP/1.1\r\nHost: x\r\n\r\n");
    client.Abort();
  }
  Client client(server->port());
  EXPECT_EQ(client.Send(kGetHello).Receive(), Ok("Hello, C++"));
}

TEST_P(EveryArchitecture, EndsSlowHeadersWith408) {
  ServerOptions options = Options();
  options.timeouts.header_ns = 40'000'000;
  RunningServer server(options);
  Client client(server->port());
  client.Send(kGetHello);
  EXPECT_EQ(client.Receive(), Ok("Hello, C++"));
  client.Send("GET / HTTP/1.1\r\nHost: ");
  EXPECT_TRUE(client.Receive().starts_with("HTTP/1.1 408 "));
  EXPECT_TRUE(client.AtEnd());
  EXPECT_EQ(server->counters().timeouts, 1u);
}

TEST_P(EveryArchitecture, ClosesIdleConnections) {
  ServerOptions options = Options();
  options.timeouts.idle_ns = 40'000'000;
  RunningServer server(options);
  Client client(server->port());
  EXPECT_TRUE(client.AtEnd());
  EXPECT_EQ(server->counters().timeouts, 1u);
}

TEST_P(EveryArchitecture, CutsOffThoseWhoDoNotRead) {
  ServerOptions options = Options();
  options.timeouts.idle_ns = 40'000'000;
  RunningServer server(options);
  Client client(server->port());
  client.Send("GET /bytes/16000000 HTTP/1.1\r\nHost: x\r\n\r\n");
  client.ReceiveSome();
  while (server->counters().timeouts == 0) std::this_thread::yield();
  EXPECT_LT(client.ReceiveAll().size(), 16'000'000u);
}

TEST_P(EveryArchitecture, DrainsWhatIsUnderWay) {
  RunningServer server(Options());
  Client idle(server->port());
  EXPECT_EQ(idle.Send(kGetHello).Receive(), Ok("Hello, C++"));
  Client busy(server->port());
  busy.Send("GET /wait/150000 HTTP/1.1\r\nHost: x\r\n\r\n");
  while (server->counters().accepted < 2) std::this_thread::yield();
  server.StopAndJoin();
  EXPECT_TRUE(idle.AtEnd());
  EXPECT_TRUE(busy.Receive().starts_with("HTTP/1.1 200 OK\r\n"));
  EXPECT_TRUE(busy.AtEnd());
  EXPECT_EQ(server->open(), 0u);
}

// More than a worker at once: one request is being handled, the other waits unread.
TEST_P(EveryArchitecture, DrainsWhatHasArrived) {
  ServerOptions options = Options();
  options.knobs.workers = 1;
  RunningServer server(options);
  Client first(server->port());
  Client second(server->port());
  for (Client* client : {&first, &second})
    EXPECT_EQ(client->Send(kGetHello).Receive(), Ok("Hello, C++"));
  for (Client* client : {&first, &second}) {
    client->Send("GET /wait/200000 HTTP/1.1\r\nHost: x\r\n\r\n");
  }
  server.StopAndJoin();
  for (Client* client : {&first, &second}) {
    EXPECT_TRUE(client->Receive().starts_with("HTTP/1.1 200 OK\r\n"));
  }
}

TEST(EpollPool, EndsTheDrainWhateverIsUnderWay) {
  ServerOptions options = OptionsFor("epoll-pool");
  options.knobs.workers = 1;
  options.timeouts.drain_ns = 50'000'000;
  RunningServer server(options);
  std::vector<Client> clients;
  for (int i = 0; i < 50; ++i) clients.emplace_back(server->port());
  for (Client& client : clients) client.Send("GET /wait/100000 HTTP/1.1\r\nHost: x\r\n\r\n");
  while (server->counters().accepted < 50) std::this_thread::yield();
  server.StopAndJoin();
  EXPECT_EQ(server->open(), 0u);
  EXPECT_LT(server->counters().requests, 50u);
}

// The stop comes before the first is accepted, and more wait than are accepted in one turn.
TEST_P(EveryArchitecture, DrainsWhoeverWaitsAtTheStop) {
  for (const int waiting : {kAcceptsInATurn, 2 * kAcceptsInATurn}) {
    ServerOptions options = Options();
    options.knobs.workers = 1;
    Server server(options);
    std::vector<Client> clients;
    for (int i = 0; i < waiting; ++i) clients.emplace_back(server.port());
    for (Client& client : clients) client.Send(kGetHello);
    server.Stop();
    server.Serve();
    for (Client& client : clients) EXPECT_TRUE(client.Receive().starts_with("HTTP/1.1 200 OK"));
    EXPECT_EQ(server.counters().accepted, static_cast<uint64_t>(waiting));
  }
}

TEST_P(EveryArchitecture, SurvivesTheEndOfDescriptors) {
  if (GetParam().threads == ThreadUse::kProcesses) {
    GTEST_SKIP() << "a process has one connection, and never too few descriptors";
  }
  ServerOptions options = Options();
  options.knobs.workers = 1;  // one listening socket, so that they are accepted in their order
  Server server(options);
  std::vector<Client> clients;
  for (int i = 0; i < 8; ++i) clients.emplace_back(server.port());
  for (Client& client : clients) client.Send(kGetHello);
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  const Fd next(::fcntl(0, F_DUPFD, 0));  // the lowest free number
  const rlimit few{.rlim_cur = static_cast<rlim_t>(next.get()) + 3, .rlim_max = before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &few), 0);
  std::thread serving([&] { server.Serve(); });
  while (server.counters().accept_errors == 0) std::this_thread::yield();
  for (Client& client : clients) {
    EXPECT_EQ(client.Receive(), Ok("Hello, C++"));
    client.Close();
  }
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
  server.Stop();
  serving.join();
  EXPECT_EQ(server.counters().requests, 8u);
}

INSTANTIATE_TEST_SUITE_P(Servers, EveryArchitecture,
                         testing::ValuesIn(Architectures().begin(), Architectures().end()),
                         [](const auto& instance) { return TestName(instance.param); });

class WorkerPoolAtItsLimit : public testing::Test {
 protected:
  static ServerOptions Options(Overflow overflow) {
    ServerOptions options = OptionsFor("worker-pool");
    options.knobs.workers_max = 1;
    options.knobs.overflow = overflow;
    return options;
  }
};

TEST_F(WorkerPoolAtItsLimit, Rejects) {
  RunningServer server(Options(Overflow::kReject));
  Client first(server->port());
  EXPECT_EQ(first.Send(kGetHello).Receive(), Ok("Hello, C++"));
  Client second(server->port());
  EXPECT_TRUE(second.Receive().starts_with("HTTP/1.1 503 "));
  EXPECT_EQ(server->counters().rejected, 1u);
  EXPECT_EQ(first.Send(kGetHello).Receive(), Ok("Hello, C++"));
}

TEST_F(WorkerPoolAtItsLimit, Queues) {
  RunningServer server(Options(Overflow::kQueue));
  std::optional<Client> first(server->port());
  EXPECT_EQ(first->Send(kGetHello).Receive(), Ok("Hello, C++"));
  Client second(server->port());
  second.Send(kGetHello);
  while (server->counters().accepted < 2) std::this_thread::yield();
  EXPECT_LE(server->counters().requests, 1u);
  first.reset();
  EXPECT_EQ(second.Receive(), Ok("Hello, C++"));
}

TEST_F(WorkerPoolAtItsLimit, Grows) {
  RunningServer server(Options(Overflow::kGrow));
  Client first(server->port());
  Client second(server->port());
  EXPECT_EQ(second.Send(kGetHello).Receive(), Ok("Hello, C++"));
  EXPECT_EQ(first.Send(kGetHello).Receive(), Ok("Hello, C++"));
  EXPECT_EQ(server->counters().rejected, 0u);
}

size_t ThreadCount() {
  const std::filesystem::directory_iterator tasks("/proc/self/task");
  return static_cast<size_t>(std::distance(begin(tasks), end(tasks)));
}

TEST(WorkerPool, LetsIdleWorkersGoAndStartsNewOnes) {
  ServerOptions options = OptionsFor("worker-pool");
  options.knobs.worker_idle_ns = 1'000'000;
  const size_t before = ThreadCount();
  RunningServer server(options);
  const size_t threads = before + 2;  // who accepts, and who watches over the timeouts
  while (ThreadCount() < threads) std::this_thread::yield();
  for (int round = 0; round < 5; ++round) {
    {
      Client client(server->port());
      EXPECT_EQ(client.Send(kGetHello).Receive(), Ok("Hello, C++"));
      EXPECT_EQ(ThreadCount(), threads + 1);
    }
    while (ThreadCount() > threads) std::this_thread::yield();
  }
  server.StopAndJoin();
  EXPECT_EQ(server->counters().requests, 5u);
}

TEST(Server, NamesTheArchitecturesWhenThereIsNoneOfThatName) {
  try {
    const Server server(OptionsFor("epol-pool"));
    FAIL();
  } catch (const UsageError& error) {
    EXPECT_NE(std::string(error.what()).find("epoll-pool"), std::string::npos);
  }
}

TEST(ListenAddress, ReadsLiteralsOnly) {
  EXPECT_EQ(ParseListenAddress("127.0.0.1:80").port, 80);
  EXPECT_EQ(ParseListenAddress("[::1]:0").host, "::1");
  for (const char* text : {"", "80", "localhost:80", "127.0.0.1", "127.0.0.1:", "127.0.0.1:70000",
                           "127.0.0.1:-1", "1.2.3.4.5:80"}) {
    EXPECT_THROW(ParseListenAddress(text), UsageError) << text;
  }
}

}  // namespace
}  // namespace crossover
