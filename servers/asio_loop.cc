#include "servers/asio_loop.h"

#include <sys/types.h>

#include <atomic>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <chrono>
#include <optional>
#include <span>
#include <utility>

#include "servers/connection.h"

namespace crossover {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

// How often a loop that has stopped accepting looks whether the drain is over.
constexpr std::chrono::milliseconds kDrainTick(20);

// The connections of one loop.
struct Population {
  std::atomic<size_t> open{0};
  std::atomic<size_t> waiting{0};  // with a timer, and nothing else, under way
};

// As a system call would put it.
ssize_t Result(const error_code& error, size_t n) {
  if (error == asio::error::eof) return 0;
  return error ? -error.value() : static_cast<ssize_t>(n);
}

// A connection with its Asio socket and timer, as users of Boost.Beast write it. One operation is
// under way at a time, and its handler owns the connection: with the last handler it goes. Their
// shared_from_this() would add a pair of atomic operations to each.
class AsioConnection {
 public:
  AsioConnection(const asio::any_io_executor& executor, Population& population)
      : population_(population), socket_(executor), timer_(executor) {
    ++population_.open;
  }
  // The descriptor is the Connection's to close.
  ~AsioConnection() {
    error_code ignored;
    socket_.release(ignored);
    --population_.open;
  }
  AsioConnection(const AsioConnection&) = delete;
  AsioConnection& operator=(const AsioConnection&) = delete;

  // Takes the connection over and serves it, with all handlers run by `executor`. False, and it
  // stays the caller's, if the kernel can't register it.
  static bool Start(const asio::any_io_executor& executor, Population& population,
                    std::unique_ptr<Connection>& connection) {
    auto self = std::make_unique<AsioConnection>(executor, population);
    error_code error;
    // Which protocol is only remembered, and asked for by nobody: it may be IPv6.
    self->socket_.assign(asio::ip::tcp::v4(), connection->fd(), error);
    if (error) return false;
    self->connection_ = std::move(connection);
    asio::dispatch(executor, [self = std::move(self)]() mutable { Advance(std::move(self)); });
    return true;
  }

 private:
  // Starts the next operation. Not to be touched after that: its handler may delete it.
  static void Advance(std::unique_ptr<AsioConnection> self) {
    AsioConnection& c = *self;
    switch (c.connection_->Next()) {
      case HttpSession::Step::kRead: {
        const std::span<char> buffer = c.connection_->ReadBuffer();
        c.socket_.async_read_some(
            asio::buffer(buffer.data(), buffer.size()),
            [self = std::move(self)](const error_code& error, size_t n) mutable {
              self->connection_->ReadDone(Result(error, n));
              Advance(std::move(self));
            });
        return;
      }
      case HttpSession::Step::kWrite: {
        const std::span<const char> output = c.connection_->PendingOutput();
        c.socket_.async_write_some(
            asio::buffer(output.data(), output.size()),
            [self = std::move(self)](const error_code& error, size_t n) mutable {
              self->connection_->WriteDone(Result(error, n));
              Advance(std::move(self));
            });
        return;
      }
      case HttpSession::Step::kWait:
        c.timer_.expires_after(std::chrono::nanoseconds(c.connection_->wait_ns()));
        ++c.population_.waiting;
        c.timer_.async_wait([self = std::move(self)](const error_code&) mutable {
          --self->population_.waiting;
          self->connection_->WaitOver();
          Advance(std::move(self));
        });
        return;
      case HttpSession::Step::kShutdown:
      case HttpSession::Step::kClose:
        return;
    }
  }

  Population& population_;
  std::unique_ptr<Connection> connection_;  // outlives the socket, whose number it keeps
  asio::ip::tcp::socket socket_;
  asio::steady_timer timer_;
};

}  // namespace

// Accepts: waits for the listening socket and for the stop, in one order of handlers.
class AsioLoop::Impl {
 public:
  Impl(size_t threads, Order order)
      : io_(static_cast<int>(threads)),
        order_(order),
        executor_(NewExecutor()),
        waiting_(executor_),
        stop_(executor_),
        back_off_(executor_) {}
  ~Impl() { StopAccepting(); }

  void AcceptFrom(Listener& listener, Counters& counters) {
    listener_ = &listener;
    counters_ = &counters;
    waiting_.assign(listener.fd());
    stop_.assign(listener.stop_fd());
    AwaitConnection();
    stop_.async_wait(asio::posix::stream_descriptor::wait_read, [this](const error_code& error) {
      if (!error) Accept();
    });
  }

  void Run() { io_.run(); }

 private:
  asio::any_io_executor NewExecutor() {
    if (order_ == Order::kOneThread) return io_.get_executor();
    return asio::make_strand(io_);
  }

  // Arms the socket again, so that a connection that already waits is an event as well.
  void AwaitConnection() {
    accept_pending_ = true;
    waiting_.async_wait(asio::posix::stream_descriptor::wait_read, [this](const error_code& error) {
      accept_pending_ = false;
      if (!error) Accept();
    });
  }

  void AwaitEndOfBackOff(int back_off_ms) {
    accept_pending_ = true;
    back_off_.expires_after(std::chrono::milliseconds(back_off_ms));
    back_off_.async_wait([this](const error_code& error) {
      accept_pending_ = false;
      if (!error) Accept();
    });
  }

  // A turn of it; after the stop, which is told once, all that wait. Called once more by what was
  // pending when the listener said stopped, perhaps.
  void Accept() {
    if (stopped_) return;
    for (int i = 0; i < kAcceptsInATurn || listener_->stopped(); ++i) {
      Listener::Accepted accepted = listener_->TryAccept(SocketMode::kNonBlocking);
      switch (accepted.kind) {
        case Listener::Accepted::Kind::kConnection:
          if (AsioConnection::Start(NewExecutor(), population_, accepted.connection)) break;
          counters_->accept_errors.fetch_add(1, std::memory_order_relaxed);
          listener_->Reject(std::move(accepted.connection));
          break;
        case Listener::Accepted::Kind::kNone:
          if (!accept_pending_) AwaitConnection();
          return;
        case Listener::Accepted::Kind::kBackOff:
          if (!accept_pending_) AwaitEndOfBackOff(accepted.back_off_ms);
          return;
        case Listener::Accepted::Kind::kStopped:
          StopAccepting();
          AwaitEndOfDrain();
          return;
      }
    }
    if (!accept_pending_) AwaitConnection();
  }

  // The drain's end shuts sockets down, which completes all but timers: they are left behind once
  // nothing else is under way.
  void AwaitEndOfDrain() {
    const size_t open = population_.open;  // before the other: one that ends between is no match
    const size_t waiting = population_.waiting;
    if (open == 0) return;
    if (listener_->table().cut_off() && waiting == open) return io_.stop();
    back_off_.expires_after(kDrainTick);
    back_off_.async_wait([this](const error_code& error) {
      if (!error) AwaitEndOfDrain();
    });
  }

  // What is pending is called back as aborted, unless it has been queued already.
  void StopAccepting() {
    stopped_ = true;
    if (waiting_.is_open()) waiting_.release();
    if (stop_.is_open()) stop_.release();
    back_off_.cancel();
  }

  Population population_;  // outlives the connections, of which the io_context may have the last
  asio::io_context io_;
  const Order order_;
  const asio::any_io_executor executor_;    // of all that follows
  asio::posix::stream_descriptor waiting_;  // the listener's own, as is the next
  asio::posix::stream_descriptor stop_;
  asio::steady_timer back_off_;
  Listener* listener_ = nullptr;
  Counters* counters_ = nullptr;
  bool accept_pending_ = false;  // a wait for a connection, or a back-off
  bool stopped_ = false;
};

AsioLoop::AsioLoop(size_t threads, Order order) : impl_(std::make_unique<Impl>(threads, order)) {}

AsioLoop::~AsioLoop() = default;

void AsioLoop::AcceptFrom(Listener& listener, Counters& counters) {
  impl_->AcceptFrom(listener, counters);
}

void AsioLoop::Run() { impl_->Run(); }

void AsioLoop::Close() { impl_.reset(); }

}  // namespace crossover
