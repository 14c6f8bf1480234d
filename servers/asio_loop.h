// AsioLoop: a Boost.Asio io_context with a listening socket and the connections accepted from it.
// What asio-pool and asio-per-core have in common; they differ in how many there are and in how
// many threads run one. Only its own source file sees Asio, which is slow to compile.
#pragma once

#include <cstddef>
#include <memory>

#include "servers/counters.h"
#include "servers/listener.h"

namespace crossover {

class AsioLoop {
 public:
  // What keeps two threads from running handlers of one connection at once.
  enum class Order {
    kOneThread,  // there is one thread
    kStrands,    // a strand for each connection
  };

  // `threads` is how many will call Run(): Asio's concurrency hint. Has its descriptors (an epoll
  // instance, an eventfd and a timerfd) from here on. Throws boost::system::system_error.
  AsioLoop(size_t threads, Order order);
  ~AsioLoop();
  AsioLoop(const AsioLoop&) = delete;
  AsioLoop& operator=(const AsioLoop&) = delete;

  // Run() accepts from it, and stops when it is stopped. Once, before Run(); both outlive the loop.
  // Throws boost::system::system_error.
  void AcceptFrom(Listener& listener, Counters& counters);

  // Serves on the calling thread, and on all others that call it, until the listener is stopped and
  // the last connection done.
  void Run();

  // Ends the connections whose waiting (/wait) the end of the drain has cut short. Once every Run()
  // has returned, and the last call.
  void Close();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace crossover
