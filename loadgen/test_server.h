// TestServer: a small HTTP server for tests that does as it is told, right or wrong.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <thread>

#include "base/fd.h"

namespace crossover {

struct TestReply {
  enum class After { kKeep, kClose, kReset };
  std::string bytes;  // may be empty: no answer
  After after = After::kKeep;
};

// Serves on an ephemeral port of 127.0.0.1, on a thread of its own, until it goes.
class TestServer {
 public:
  // `reply` is called on the server's thread for every request, whole; `number` counts all requests
  // from 1 on.
  using Reply = std::function<TestReply(size_t number, const std::string& request)>;

  explicit TestServer(Reply reply);
  ~TestServer();

  std::string url(const std::string& target = "/") const {
    return "http://127.0.0.1:" + std::to_string(port_) + target;
  }

 private:
  void Serve();

  const Reply reply_;
  Fd listener_;
  Fd stop_;
  uint16_t port_ = 0;
  std::thread thread_;
};

// A right response with `body`.
std::string TestResponse(const std::string& body, const std::string& headers = "");
inline const std::string kGood = TestResponse("Crossover\n");

}  // namespace crossover
