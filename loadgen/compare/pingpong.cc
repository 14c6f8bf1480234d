// crossover-pingpong: one blocking connection, one request after the other, and nothing else: what
// a request takes at least. Prints the mean in microseconds.
//
//   crossover-pingpong URL REQUESTS
#include <sys/socket.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "base/clock.h"
#include "base/error.h"
#include "base/fd.h"
#include "loadgen/engine.h"
#include "loadgen/request.h"

namespace crossover {
namespace {

void PingPong(int fd, const std::string& request) {
  char buffer[4096];
  if (send(fd, request.data(), request.size(), MSG_NOSIGNAL) !=
      static_cast<ssize_t>(request.size())) {
    ThrowErrno("send");
  }
  // A response of a few bytes comes whole.
  if (recv(fd, buffer, sizeof buffer, 0) <= 0) ThrowErrno("recv");
}

int Main(int argc, char** argv) {
  if (argc != 3) throw UsageError("usage: crossover-pingpong URL REQUESTS");
  const Url url = ParseUrl(argv[1]);
  const SocketAddress address = Resolve(url);
  const int requests = std::atoi(argv[2]);
  if (requests <= 0) throw UsageError("REQUESTS: must be more than 0");
  const Request request = BuildRequest(url.authority, url.target, Method::kGet);
  const Fd fd(OpenTcpSocket(address, {}, 0));
  if (connect(fd.get(), address.get(), address.length) != 0) ThrowErrno("connect");
  for (int i = 0; i < requests / 10; ++i) PingPong(fd.get(), request.bytes);  // warm-up
  const int64_t start_ns = MonotonicNs();
  for (int i = 0; i < requests; ++i) PingPong(fd.get(), request.bytes);
  std::printf("%.3f\n", static_cast<double>(MonotonicNs() - start_ns) / 1e3 / requests);
  return 0;
}

}  // namespace
}  // namespace crossover

int main(int argc, char** argv) {
  try {
    return crossover::Main(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "crossover-pingpong: %s\n", error.what());
    return crossover::kExitUsage;
  }
}
