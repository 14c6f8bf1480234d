// What Asio's layers cost: a handler, and a request received and sent by asynchronous operations.
#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <deque>
#include <string>

#include "base/error.h"
#include "base/limits.h"
#include "servers/costs/connection_set.h"
#include "servers/costs/cost.h"
#include "servers/costs/stage.h"

namespace crossover {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

constexpr size_t kTimes = 256;

// Has the set's connections receive for as long as it lives. By one thread, as asio-per-core.
class AsioServer {
 public:
  explicit AsioServer(ConnectionSet& set) : set_(set), response_(ResponseToGet()) {
    set_.Watch(false);
    for (size_t i = 0; i < set_.size(); ++i) {
      Client& client = clients_.emplace_back(io_);
      client.socket.assign(asio::ip::tcp::v4(), set_.fd(i));
      Receive(client);
    }
    io_.poll();
  }
  // Runs the handlers of what is under way, as aborted.
  ~AsioServer() {
    for (Client& client : clients_) {
      error_code ignored;
      client.socket.release(ignored);
    }
    io_.poll();
  }
  AsioServer(const AsioServer&) = delete;
  AsioServer& operator=(const AsioServer&) = delete;

  struct Round {
    size_t requests = 0;
    int64_t ns = 0;
  };
  // Serves what was allowed before, and perhaps some of `next`.
  Round Serve(size_t next) {
    const size_t due = set_.peer().allowed();
    const size_t before = served_;
    set_.peer().AwaitSent();
    set_.peer().Allow(next);
    const Stopwatch stopwatch;
    while (allowed_before_ + served_ < due && !error_) io_.poll();
    const int64_t ns = stopwatch.ElapsedNs();
    if (error_) throw UsageError("an asynchronous operation: " + error_.message());
    set_.NoteServed(served_ - before);
    return {served_ - before, ns};
  }

 private:
  struct Client {
    explicit Client(asio::io_context& io) : socket(io) {}
    asio::ip::tcp::socket socket;
    std::array<char, limits::kReadChunkBytes> buffer{};
  };

  void Receive(Client& client) {
    client.socket.async_read_some(asio::buffer(client.buffer),
                                  [this, &client](const error_code& error, size_t) {
                                    if (!Failed(error)) Send(client);
                                  });
  }
  void Send(Client& client) {
    client.socket.async_write_some(asio::buffer(response_),
                                   [this, &client](const error_code& error, size_t) {
                                     if (Failed(error)) return;
                                     ++served_;
                                     Receive(client);
                                   });
  }
  bool Failed(const error_code& error) {
    if (error && error != asio::error::operation_aborted) error_ = error;
    return bool{error};
  }

  ConnectionSet& set_;
  const size_t allowed_before_ = set_.peer().allowed();
  const std::string response_;
  asio::io_context io_{1};
  std::deque<Client> clients_;
  size_t served_ = 0;
  error_code error_;
};

void TimeRequests(benchmark::State& state, ConnectionSet& set) {
  AsioServer server(set);
  const size_t requests = set.RoundOf(kRoundRequests);
  size_t items = 0;
  set.peer().Allow(requests);
  for (auto _ : state) {
    const AsioServer::Round round = server.Serve(requests);
    state.SetIterationTime(Seconds(round.ns));
    items += round.requests;
  }
  server.Serve(0);
  state.SetItemsProcessed(static_cast<int64_t>(items));
}

}  // namespace

std::vector<Cost> AsioCosts(const Placement& placement) {
  return {{"asio_handler", "a handler is posted to an io_context, and run", 0, 0,
           [=](benchmark::State& state) {
             asio::io_context io(1);
             size_t run = 0;
             TimeBatches(state, placement, [&] {
               for (size_t i = 0; i < kTimes; ++i) asio::post(io, [&run] { ++run; });
               io.restart();
               io.poll();
               return kTimes;
             });
             benchmark::DoNotOptimize(run);
           }}};
}

std::vector<Cost> AsioSocketCosts(const Placement& placement, size_t n) {
  return {{"asio_request", "receives a request and sends its response by Asio's operations", n, 0,
           [=](benchmark::State& state) {
             auto& set = TheStage().Get<ConnectionSet>(n, placement);
             RunOn(placement.server_cpu);
             TimeRequests(state, set);
           }}};
}

}  // namespace crossover
