// One suite over every architecture: whatever the threads do, the bytes are the same.
#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>

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

namespace crossover {
namespace {

constexpr std::string_view kGet = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";

// A blocking client. A read that would wait for more than 30 s is a failure, not a hang.
class Client {
 public:
  explicit Client(uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const timeval patience{.tv_sec = 30, .tv_usec = 0};
    setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    EXPECT_EQ(::connect(socket_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  }

  Client& Send(std::string_view bytes) {
    EXPECT_EQ(::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(bytes.size()));
    return *this;
  }
  void EndOutput() { ::shutdown(socket_.get(), SHUT_WR); }
  void Close() { socket_.Reset(); }
  void Abort() {  // closes with a reset
    const linger hard{.l_onoff = 1, .l_linger = 0};
    setsockopt(socket_.get(), SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    socket_.Reset();
  }

  // One response with a body of Content-Length, its date blanked out.
  std::string Receive() {
    size_t end = 0;
    while ((end = input_.find("\r\n\r\n")) == std::string::npos) {
      if (!Fill()) return "(closed) " + input_;
    }
    const size_t length_at = input_.find("Content-Length: ");
    const size_t size = end + 4 + std::stoul(input_.substr(length_at + 16));
    while (input_.size() < size) {
      if (!Fill()) return "(short) " + input_;
    }
    std::string response = input_.substr(0, size);
    input_.erase(0, size);
    const size_t date_at = response.find("Date: ");
    return response.replace(date_at + 6, kDateBytes, kDateBytes, '*');
  }
  // All until the server closes.
  std::string ReceiveAll() {
    while (Fill()) {
    }
    return input_;
  }
  void ReceiveSome() { EXPECT_TRUE(Fill()); }
  bool AtEnd() { return input_.empty() && !Fill(); }

 private:
  bool Fill() {
    char chunk[16 * 1024];
    const ssize_t n = ::recv(socket_.get(), chunk, sizeof chunk, 0);
    EXPECT_FALSE(n < 0 && errno == EAGAIN) << "nothing came for 30 s";
    if (n > 0) input_.append(chunk, static_cast<size_t>(n));
    return n > 0;
  }

  Fd socket_;
  std::string input_;
};

std::string Ok(std::string_view body, std::string_view type = "text/plain") {
  return "HTTP/1.1 200 OK\r\nDate: " + std::string(kDateBytes, '*') +
         "\r\nServer: crossover\r\nContent-Type: " + std::string(type) +
         "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
}

class RunningServer {
 public:
  explicit RunningServer(const ServerOptions& options)
      : server_(options), thread_([this] { server_.Serve(); }) {}
  ~RunningServer() { StopAndJoin(); }

  Server& operator*() { return server_; }
  Server* operator->() { return &server_; }
  void StopAndJoin() {
    server_.Stop();
    if (thread_.joinable()) thread_.join();
  }

 private:
  Server server_;
  std::thread thread_;
};

ServerOptions OptionsFor(std::string_view architecture) {
  ServerOptions options{.architecture = std::string(architecture)};
  options.knobs.workers = 2;
  options.timeouts.linger_ns = 100'000'000;  // the clients here don't close when they are told to
  return options;
}

}  // namespace

void PrintTo(const ArchitectureEntry& entry, std::ostream* out) { *out << entry.name; }

namespace {

class EveryArchitecture : public testing::TestWithParam<ArchitectureEntry> {
 protected:
  ServerOptions Options() const { return OptionsFor(GetParam().name); }
};

TEST_P(EveryArchitecture, KeepsConnectionsAlive) {
  RunningServer server(Options());
  Client client(server->port());
  for (int i = 0; i < 100; ++i) ASSERT_EQ(client.Send(kGet).Receive(), Ok("Hello, C++"));
  server.StopAndJoin();  // a request is counted after its last byte is sent
  EXPECT_EQ(server->counters().accepted, 1u);
  EXPECT_EQ(server->counters().requests, 100u);
}

TEST_P(EveryArchitecture, AnswersPipelinedAndSplitRequests) {
  RunningServer server(Options());
  Client client(server->port());
  client.Send("GET /bytes/5 HTTP/1.1\r\nHost: x\r\n\r\nPOST /echo HTTP/1.1\r\nHost: x\r\nConte");
  EXPECT_EQ(client.Receive(), Ok("01234", "application/octet-stream"));
  client.Send("nt-Length: 3\r\n\r\na").Send("bc");
  EXPECT_EQ(client.Receive(), Ok("abc", "application/octet-stream"));
}

TEST_P(EveryArchitecture, SendsMoreThanTheSocketTakes) {
  RunningServer server(Options());
  Client client(server->port());
  client.Send("GET /bytes/16000000 HTTP/1.1\r\nHost: x\r\n\r\n").Send(kGet);
  EXPECT_GT(client.Receive().size(), 16'000'000u);
  EXPECT_EQ(client.Receive(), Ok("Hello, C++"));
}

TEST_P(EveryArchitecture, AnswersAHalfClosedConnection) {
  RunningServer server(Options());
  Client whole(server->port());
  whole.Send(kGet).EndOutput();
  EXPECT_EQ(whole.Receive(), Ok("Hello, C++"));
  EXPECT_TRUE(whole.AtEnd());
  Client truncated(server->port());
  truncated.Send("GET / HTTP/1.1\r\nHo").EndOutput();
  EXPECT_TRUE(truncated.ReceiveAll().starts_with("HTTP/1.1 400 "));
}

TEST_P(EveryArchitecture, AnswersWhatIsNoHttpAndCloses) {
  RunningServer server(Options());
  Client client(server->port());
  client.Send("\x16\x03\x01 nonsense\r\n\r\n");
  EXPECT_TRUE(client.Receive().starts_with("HTTP/1.1 400 "));
  EXPECT_TRUE(client.AtEnd());
  Client flood(server->port());
  flood.Send("GET / HTTP/1.1\r\nHost: x\r\nA: " + std::string(100'000, 'a'));
  EXPECT_TRUE(flood.Receive().starts_with("HTTP/1.1 431 "));
}

TEST_P(EveryArchitecture, ServesManyAtOnce) {
  constexpr int kClients = 200;
  RunningServer server(Options());
  std::vector<Client> clients;
  for (int i = 0; i < kClients; ++i) clients.emplace_back(server->port());
  for (int round = 0; round < 3; ++round) {
    for (Client& client : clients) client.Send(kGet);
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
    client.Send(i % 2 == 0 ? kGet : "GET /bytes/1000000 HTTP/1.1\r\nHost: x\r\n\r\n");
    client.Abort();
  }
  Client client(server->port());
  EXPECT_EQ(client.Send(kGet).Receive(), Ok("Hello, C++"));
}

TEST_P(EveryArchitecture, EndsSlowHeadersWith408) {
  ServerOptions options = Options();
  options.timeouts.header_ns = 40'000'000;
  RunningServer server(options);
  Client client(server->port());
  client.Send(kGet);
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
  EXPECT_EQ(idle.Send(kGet).Receive(), Ok("Hello, C++"));
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
    EXPECT_EQ(client->Send(kGet).Receive(), Ok("Hello, C++"));
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

TEST_P(EveryArchitecture, SurvivesTheEndOfDescriptors) {
  Server server(Options());
  std::vector<Client> clients;
  for (int i = 0; i < 8; ++i) clients.emplace_back(server.port());
  for (Client& client : clients) client.Send(kGet);
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
                         [](const auto& instance) {
                           std::string name(instance.param.name);
                           std::erase(name, '-');
                           return name;
                         });

// Those that have timers for /wait.
class WaitsWithoutAThread : public testing::TestWithParam<std::string_view> {};

TEST_P(WaitsWithoutAThread, AnswersOthersMeanwhile) {
  constexpr size_t kWaiting = 10;
  ServerOptions options = OptionsFor(GetParam());
  options.knobs.workers = 1;
  RunningServer server(options);
  std::vector<Client> waiting;
  for (size_t i = 0; i < kWaiting; ++i) waiting.emplace_back(server->port());
  const int64_t asked_ns = MonotonicNs();
  for (Client& client : waiting) client.Send("GET /wait/3000000 HTTP/1.1\r\nHost: x\r\n\r\n");
  Client other(server->port());
  for (int i = 0; i < 10; ++i) ASSERT_EQ(other.Send(kGet).Receive(), Ok("Hello, C++"));
  EXPECT_LE(server->counters().requests, 10u);  // the other's only
  EXPECT_EQ(waiting[0].Receive(), Ok("Hello, C++"));
  EXPECT_GE(MonotonicNs() - asked_ns, 3'000'000'000);
  for (size_t i = 1; i < kWaiting; ++i) EXPECT_EQ(waiting[i].Receive(), Ok("Hello, C++"));
}

// What arrives while a request waits is no event of its own any more when the wait is over.
TEST_P(WaitsWithoutAThread, ServesWhatCameMeanwhile) {
  RunningServer server(OptionsFor(GetParam()));
  Client client(server->port());
  Client other(server->port());
  client.Send("GET /wait/100000 HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(other.Send(kGet).Receive(), Ok("Hello, C++"));
  client.Send(kGet);
  EXPECT_EQ(client.Receive(), Ok("Hello, C++"));
  EXPECT_EQ(client.Receive(), Ok("Hello, C++"));
  for (int i = 0; i < 20; ++i) {
    const int64_t asked_ns = MonotonicNs();
    client.Send("GET /wait/1500 HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_EQ(client.Receive(), Ok("Hello, C++"));
    EXPECT_GE(MonotonicNs() - asked_ns, 1'500'000);  // never early
  }
}

INSTANTIATE_TEST_SUITE_P(Servers, WaitsWithoutAThread,
                         testing::Values("asio-pool", "asio-per-core"), [](const auto& instance) {
                           std::string name(instance.param);
                           std::erase(name, '-');
                           return name;
                         });

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
  EXPECT_EQ(first.Send(kGet).Receive(), Ok("Hello, C++"));
  Client second(server->port());
  EXPECT_TRUE(second.Receive().starts_with("HTTP/1.1 503 "));
  EXPECT_EQ(server->counters().rejected, 1u);
  EXPECT_EQ(first.Send(kGet).Receive(), Ok("Hello, C++"));
}

TEST_F(WorkerPoolAtItsLimit, Queues) {
  RunningServer server(Options(Overflow::kQueue));
  std::optional<Client> first(server->port());
  EXPECT_EQ(first->Send(kGet).Receive(), Ok("Hello, C++"));
  Client second(server->port());
  second.Send(kGet);
  while (server->counters().accepted < 2) std::this_thread::yield();
  EXPECT_LE(server->counters().requests, 1u);
  first.reset();
  EXPECT_EQ(second.Receive(), Ok("Hello, C++"));
}

TEST_F(WorkerPoolAtItsLimit, Grows) {
  RunningServer server(Options(Overflow::kGrow));
  Client first(server->port());
  Client second(server->port());
  EXPECT_EQ(second.Send(kGet).Receive(), Ok("Hello, C++"));
  EXPECT_EQ(first.Send(kGet).Receive(), Ok("Hello, C++"));
  EXPECT_EQ(server->counters().rejected, 0u);
}

size_t ThreadCount() {
  const std::filesystem::directory_iterator tasks("/proc/self/task");
  return static_cast<size_t>(std::distance(begin(tasks), end(tasks)));
}

TEST(WorkerPool, LetsIdleWorkersGoAndStartsNewOnes) {
  ServerOptions options = OptionsFor("worker-pool");
  options.knobs.worker_idle_ns = 1'000'000;
  RunningServer server(options);
  const size_t threads = ThreadCount();
  for (int round = 0; round < 5; ++round) {
    {
      Client client(server->port());
      EXPECT_EQ(client.Send(kGet).Receive(), Ok("Hello, C++"));
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
