// What Asio's layers cost: a handler, and a request received and sent by asynchronous operations.
#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <deque>

#include "base/limits.h"
#include "servers/costs/cost.h"
#include "servers/costs/request_server.h"

namespace crossover {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

constexpr size_t kTimes = 256;

// Has the set's connections receive for as long as it lives. By one thread, as asio-per-core.
class AsioServer final : public RequestServer {
 public:
  AsioServer(ConnectionSet& set, size_t connections) : RequestServer(set) {
    for (size_t i = 0; i < connections; ++i) {
      Client& client = clients_.emplace_back(io_);
      client.socket.assign(asio::ip::tcp::v4(), set.fd(i));
      Receive(client);
    }
    ServeAllOnce();
  }
  // Runs the handlers of what is under way, as aborted.
  ~AsioServer() override {
    for (Client& client : clients_) {
      error_code ignored;
      client.socket.release(ignored);
    }
    io_.poll();
  }

 protected:
  void Turn() override { io_.poll(); }

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
    client.socket.async_write_some(asio::buffer(response()),
                                   [this, &client](const error_code& error, size_t) {
                                     if (Failed(error)) return;
                                     NoteServed();
                                     Receive(client);
                                   });
  }
  bool Failed(const error_code& error) {
    if (error && error != asio::error::operation_aborted) {
      Fail("an asynchronous operation: " + error.message());
    }
    return bool{error};
  }

  asio::io_context io_{1};
  std::deque<Client> clients_;
};

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
           [=](benchmark::State& state) { TimeRequests<AsioServer>(state, placement, n); }}};
}

}  // namespace crossover
