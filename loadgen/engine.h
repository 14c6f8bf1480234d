// Engine: how a loop of the load generator does its I/O. What is sent when, and what came back, is
// LoadLoop's affair.
//
// To add one: write NAME_engine.cc with a class and its factory, and a line in engine.cc.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "loadgen/url.h"

namespace crossover {

// Told by an engine, from within its Wait and on that thread. Connections are told by their index.
// After Close nothing more is told of a connection until it is connected again.
class EngineSink {
 public:
  virtual ~EngineSink() = default;
  // The answer to Connect. `error`: 0, or errno.
  virtual void OnConnected(uint32_t index, int error) = 0;
  // Bytes arrived; they are there until this returns. `last`: the engine knows already that the
  // peer has closed; OnEnd will follow.
  virtual void OnBytes(uint32_t index, std::string_view bytes, bool last) = 0;
  // The peer closed (`error` 0), or receiving or sending failed. The engine does nothing more
  // with the connection but Close.
  virtual void OnEnd(uint32_t index, int error) = 0;
  // Somebody called Wake.
  virtual void OnWake() = 0;
};

// One thread, except for Wake. Whatever it is asked to do, it may do at the next Wait.
class Engine {
 public:
  virtual ~Engine() = default;
  // To be called first on the thread that will use the engine.
  virtual void Start() = 0;
  // `source`: where from; with a length of 0, from where the kernel likes. `target` stays where it
  // is until OnConnected.
  virtual void Connect(uint32_t index, const SocketAddress& target,
                       const SocketAddress& source) = 0;
  // `bytes` stay where they are until they are sent. Not while IsSending.
  virtual void Send(uint32_t index, std::string_view bytes) = 0;
  // Whether some of the bytes to send are known to be unsent yet.
  virtual bool IsSending(uint32_t index) const = 0;
  // No effect on a connection that isn't open.
  virtual void Close(uint32_t index) = 0;
  // Waits for at most `timeout_ns` (0: not at all) until something happens, and tells the sink all
  // that has.
  virtual void Wait(int64_t timeout_ns) = 0;
  // Makes Wait return. Any thread.
  virtual void Wake() = 0;
};

enum class EngineKind { kAuto, kEpoll, kIoUring };

struct EngineChoice {
  EngineKind kind = EngineKind::kEpoll;  // never kAuto
  std::string reason;                    // why kAuto has not become io_uring; else empty
};

// "auto", "epoll", "io_uring".
const char* EngineName(EngineKind kind);
// Throws UsageError for any other name.
EngineKind ParseEngine(const std::string& name);

// kAuto is io_uring where the kernel has and permits all that the engine needs, and else epoll.
// Throws UsageError, with the reason, if io_uring is asked for and can't be had.
EngineChoice ChooseEngine(EngineKind asked);

// Throws std::system_error if the kernel has no such descriptor to give. `sink` outlives the
// engine.
std::unique_ptr<Engine> MakeEngine(EngineKind kind, EngineSink& sink, size_t connections);
std::unique_ptr<Engine> MakeEpollEngine(EngineSink& sink, size_t connections);
std::unique_ptr<Engine> MakeUringEngine(EngineSink& sink, size_t connections);

// A TCP socket with TCP_NODELAY, for a connection from `source` to `target` (as for Connect).
// `flags`: SOCK_NONBLOCK or 0. On failure -1 and errno.
int OpenTcpSocket(const SocketAddress& target, const SocketAddress& source, int flags);

}  // namespace crossover
