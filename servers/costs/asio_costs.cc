// What Asio's layers cost: a handler, and a request received and sent by asynchronous operations.
#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <deque>
#include <span>

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
      Client& client = clients_.emplace_back(io_, set.connection(i));
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
    Client(asio::io_context& io, Connection& served) : socket(io), connection(served) {}
    asio::ip::tcp::socket socket;
    Connection& connection;
  };

  void Receive(Client& client) {
    const std::span<char> room = client.connection.ReadBuffer();
    client.socket.async_read_some(asio::buffer(room.data(), room.size()),
                                  [this, &client](const error_code& error, size_t n) {
                                    if (Failed(error)) return;
                                    client.connection.ReadDone(static_cast<ssize_t>(n));
                                    if (Expect(client, HttpSession::Step::kWrite)) Send(client);
                                  });
  }
  void Send(Client& client) {
    const std::span<const char> output = client.connection.PendingOutput();
    client.socket.async_write_some(asio::buffer(output.data(), output.size()),
                                   [this, &client](const error_code& error, size_t n) {
                                     if (Failed(error)) return;
                                     client.connection.WriteDone(static_cast<ssize_t>(n));
                                     if (!Expect(client, HttpSession::Step::kRead)) return;
                                     NoteServed();
                                     Receive(client);
                                   });
  }
  bool Expect(const Client& client, HttpSession::Step step) {
    const bool as_expected = client.connection.Next() == step;
    if (!as_expected) Fail("half a message");
    return as_expected;
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
  return {{"asio_request", "receives, answers and sends a request's response by Asio's operations",
           n, 0, [=](benchmark::State& state) { TimeRequests<AsioServer>(state, placement, n); }}};
}

}  // namespace crossover
