#include "loadgen/engine.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "base/error.h"

namespace crossover {
namespace {

class NoSink : public EngineSink {
  void OnConnected(uint32_t /*index*/, int /*error*/) override {}
  void OnBytes(uint32_t /*index*/, std::string_view /*bytes*/, bool /*last*/) override {}
  void OnEnd(uint32_t /*index*/, int /*error*/) override {}
  void OnWake() override {}
};

}  // namespace

const char* EngineName(EngineKind kind) {
  switch (kind) {
    case EngineKind::kEpoll:
      return "epoll";
    case EngineKind::kIoUring:
      return "io_uring";
    case EngineKind::kAuto:
      break;
  }
  return "auto";
}

EngineKind ParseEngine(const std::string& name) {
  for (const EngineKind kind : {EngineKind::kAuto, EngineKind::kEpoll, EngineKind::kIoUring}) {
    if (name == EngineName(kind)) return kind;
  }
  throw UsageError("--engine: '" + name + "' is none of auto, epoll, io_uring");
}

EngineChoice ChooseEngine(EngineKind asked) {
  if (asked == EngineKind::kEpoll) return {.kind = EngineKind::kEpoll, .reason = ""};
  try {
    NoSink sink;
    MakeUringEngine(sink, 1)->Start();
    return {.kind = EngineKind::kIoUring, .reason = ""};
  } catch (const std::system_error& error) {
    if (asked == EngineKind::kIoUring) {
      throw UsageError(std::string("--engine io_uring: ") + error.what() +
                       "; --engine epoll works everywhere");
    }
    return {.kind = EngineKind::kEpoll, .reason = error.what()};
  }
}

std::unique_ptr<Engine> MakeEngine(EngineKind kind, EngineSink& sink, size_t connections) {
  return kind == EngineKind::kIoUring ? MakeUringEngine(sink, connections)
                                      : MakeEpollEngine(sink, connections);
}

int OpenTcpSocket(const SocketAddress& target, const SocketAddress& source, int flags) {
  const int fd = socket(target.family(), SOCK_STREAM | SOCK_CLOEXEC | flags, IPPROTO_TCP);
  if (fd < 0) return -1;
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (source.length == 0) return fd;
  // The port is chosen by connect, which knows both ends, so that it need only be free for them.
  setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
  if (bind(fd, source.get(), source.length) == 0) return fd;
  const int error = errno;
  close(fd);
  errno = error;
  return -1;
}

}  // namespace crossover
