// What an engine takes for a request and its response, without the load generator around it.
#include <benchmark/benchmark.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cstring>
#include <stdexcept>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/fd.h"
#include "loadgen/engine.h"

namespace crossover {
namespace {

constexpr std::string_view kRequest = "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
constexpr std::string_view kResponse = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nCrossover\n";

class CountingSink : public EngineSink {
 public:
  void OnConnected(uint32_t /*index*/, int error) override {
    if (error != 0) ThrowErrno("connect", error);
    ++connected_;
  }
  void OnBytes(uint32_t /*index*/, std::string_view bytes, bool /*last*/) override {
    received_bytes_ += bytes.size();
  }
  void OnEnd(uint32_t /*index*/, int /*error*/) override { throw std::runtime_error("ended"); }
  void OnWake() override {}

  size_t connected() const { return connected_; }
  size_t received_bytes() const { return received_bytes_; }

 private:
  size_t connected_ = 0;
  size_t received_bytes_ = 0;
};

// The other ends of the connections, in the same thread: they answer when they are told to.
class Peer {
 public:
  Peer() : listener_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    if (!listener_) ThrowErrno("socket");
    const int on = 1;
    setsockopt(listener_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);  // inherited
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    auto* const any = reinterpret_cast<sockaddr*>(&address);
    socklen_t length = sizeof address;
    if (bind(listener_.get(), any, length) != 0 || listen(listener_.get(), SOMAXCONN) != 0 ||
        getsockname(listener_.get(), any, &length) != 0) {
      ThrowErrno("listen");
    }
    std::memcpy(&address_.storage, &address, sizeof address);
    address_.length = length;
  }

  const SocketAddress& address() const { return address_; }

  void Accept() {
    connections_.emplace_back(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!connections_.back()) ThrowErrno("accept4");
  }

  // A blocking receive and a send for each connection, each of which has a request under way.
  void AnswerAll() {
    char buffer[2 * kRequest.size()];
    for (const Fd& connection : connections_) {
      const ssize_t got = recv(connection.get(), buffer, kRequest.size(), MSG_WAITALL);
      const ssize_t sent = send(connection.get(), kResponse.data(), kResponse.size(), MSG_NOSIGNAL);
      if (got != static_cast<ssize_t>(kRequest.size()) ||
          sent != static_cast<ssize_t>(kResponse.size())) {
        ThrowErrno("answer");
      }
    }
  }

 private:
  Fd listener_;
  SocketAddress address_;
  std::vector<Fd> connections_;
};

// One request on each of so many connections, and their responses. Included are both directions of
// loopback TCP and the peer's recv and send, which are the same for either engine; there is no
// switch of threads, and what is sent is sent in one batch.
void EngineRoundWithPeerInThread(benchmark::State& state, EngineKind kind) {
  try {
    ChooseEngine(kind);
  } catch (const UsageError& error) {
    return state.SkipWithError(error.what());
  }
  const auto connections = static_cast<uint32_t>(state.range(0));
  Peer peer;
  CountingSink sink;
  const auto engine = MakeEngine(kind, sink, connections);
  engine->Start();
  for (uint32_t i = 0; i < connections; ++i) {
    engine->Connect(i, peer.address(), {});
    while (sink.connected() <= i) engine->Wait(kNsPerSecond);
    peer.Accept();
  }
  size_t expected_bytes = 0;
  for (auto _ : state) {
    for (uint32_t i = 0; i < connections; ++i) engine->Send(i, kRequest);
    engine->Wait(0);  // gives the kernel what is queued
    peer.AnswerAll();
    expected_bytes += connections * kResponse.size();
    while (sink.received_bytes() < expected_bytes) engine->Wait(kNsPerSecond);
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK_CAPTURE(EngineRoundWithPeerInThread, epoll, EngineKind::kEpoll)->Arg(1)->Arg(64);
BENCHMARK_CAPTURE(EngineRoundWithPeerInThread, io_uring, EngineKind::kIoUring)->Arg(1)->Arg(64);

}  // namespace
}  // namespace crossover
