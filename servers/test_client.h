// What the tests of servers share: a blocking client, and a server that runs beside the test.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <string>
#include <string_view>
#include <thread>

#include "base/fd.h"
#include "servers/server.h"

namespace crossover {

// One connection, over TCP with TCP_NODELAY: every Send() leaves at once. A read that would wait
// for more than 30 s is a failure, not a hang. One thread.
class Client {
 public:
  // Connects; fails the test if that fails.
  explicit Client(uint16_t port);

  // Sends all, or fails the test.
  Client& Send(std::string_view bytes);
  // Sends as much as the server takes: for a server that may have closed already.
  Client& TrySend(std::string_view bytes);
  void EndOutput();
  void Close() { socket_.Reset(); }
  void Abort();  // closes with a reset

  // One response with a body of Content-Length, its date blanked out.
  std::string Receive();
  // All until the server closes.
  std::string ReceiveAll();
  // The next `size` bytes; fewer if the server closes before.
  std::string Take(size_t size);
  void ReceiveSome();
  // True if the server closes, and nothing comes before.
  bool AtEnd() { return input_.empty() && !Fill(); }

 private:
  bool Fill();  // false at the end

  Fd socket_;
  std::string input_;
};

inline constexpr std::string_view kGetHello = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";

// `bytes` with the value of every Date header blanked out.
std::string WithoutDates(std::string bytes);

// The answer 200 with `body`, as a client gets it but for the date.
std::string Ok(std::string_view body, std::string_view type = "text/plain");

// Serves from a thread of its own until StopAndJoin().
class RunningServer {
 public:
  explicit RunningServer(const ServerOptions& options)
      : server_(options), thread_([this] { server_.Serve(); }) {}
  ~RunningServer() { StopAndJoin(); }

  Server& operator*() { return server_; }
  Server* operator->() { return &server_; }
  void StopAndJoin();

 private:
  Server server_;
  std::thread thread_;
};

// Two workers, and little patience with clients that do not close when they are told to.
ServerOptions OptionsFor(std::string_view architecture);

// For GoogleTest.
void PrintTo(const ArchitectureEntry& entry, std::ostream* out);
// A name for a test over `entry`: GoogleTest takes letters and digits.
std::string TestName(const ArchitectureEntry& entry);

}  // namespace crossover
