// EpollLoop: one thread's epoll instance and the connections that it multiplexes. What event-loop,
// reactor-per-core and epoll-pool have in common; they differ in how many there are and in who
// accepts.
#pragma once

#include <sys/epoll.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "base/fd.h"
#include "servers/architecture.h"
#include "servers/connection.h"
#include "servers/counters.h"
#include "servers/listener.h"

namespace crossover {

class EpollLoop {
 public:
  // Takes `batch` and `busy_poll_ns` of the options. Throws std::system_error.
  explicit EpollLoop(const ArchitectureOptions& options);

  // Run() accepts from it as well, and stops when it is stopped. Before Run(); both outlive it.
  void AcceptFrom(Listener& listener, Counters& counters);

  // Takes the connection over; its socket must not block. False, and it stays the caller's, if the
  // kernel can't register it. Any thread, until Stop().
  bool Add(std::unique_ptr<Connection>& connection);
  // How many it has. Any thread.
  size_t open() const { return open_.load(std::memory_order_relaxed); }

  // Run() returns once its last connection is done. Any thread; again does no harm.
  void Stop();

  // Serves on the calling thread, until stopped and empty.
  void Run();

 private:
  int WaitForEvents(epoll_event* events);
  void Accept();
  void ListenForMore(bool on);
  void Serve(Connection* connection, uint32_t events);
  bool Register(int operation, int fd, uint32_t events, void* what) const;

  const int batch_;
  const int64_t busy_poll_ns_;
  Fd epoll_;
  Fd stop_event_;
  Listener* listener_ = nullptr;
  Counters* counters_ = nullptr;
  int64_t back_off_until_ns_ = 0;  // 0: accepting is not backed off
  bool stopping_ = false;
  std::atomic<size_t> open_{0};
};

}  // namespace crossover
