// HttpSession: HTTP/1.1 for one connection, without any I/O. Bytes in, bytes out: every
// architecture drives this same machine and differs only in when and on which thread.
//
// The owner looks at step() and does what it says:
//   kRead      fill ReadBuffer(), then Received(n); at the end of the stream EndOfInput()
//   kWrite     send PendingOutput(), then Sent(n)
//   kWait      let wait_ns() pass, then WaitOver()
//   kShutdown  shut down the sending side, then ShutdownDone()
//   kClose     close the connection
//
// Responses to pipelined requests gather, and are written once no complete request is left in the
// buffer (or limits::kOutputBytesMax is reached). What goes out does not depend on how what came in
// was split. After an error answer the session discards input until the peer closes, within
// limits::kLingerBytesMax: a close with unread input would reset the connection and take the answer
// with it (RFC 9112, 9.6).
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "servers/counters.h"
#include "servers/date_source.h"

namespace crossover {

// What the sessions of one server share, in whichever process they are. Outlives them.
struct SessionContext {
  DateSource date;
  std::atomic<bool> draining{false};  // true: every response closes its connection
  std::atomic<bool> cut_off{false};   // true: the drain is over, connections are let go of
  double slow_down = 0;               // see servers/slow_down.h; set before there are sessions
};

// One thread at a time; any thread.
class HttpSession {
 public:
  enum class Step { kRead, kWrite, kWait, kShutdown, kClose };
  // Where it stands, for timeouts.
  enum class Phase { kIdle, kHeader, kBody, kHandling, kWriting, kLingering };

  HttpSession(const SessionContext& context, Counters::Shard& counters);
  ~HttpSession();

  Step step() const;
  Phase phase() const;

  // Room for at least one byte. Valid until the next call.
  std::span<char> ReadBuffer();
  // The first `n` bytes (at least one) of ReadBuffer() have been filled.
  void Received(size_t n);
  // The peer sends nothing more. In the middle of a request that is answered with 400.
  void EndOfInput();
  // The time for the request ran out: 408 if one had begun; then closes.
  void TimedOut();

  // Not empty while step() is kWrite. Valid until the next call.
  std::span<const char> PendingOutput() const;
  void Sent(size_t n);

  int64_t wait_ns() const;
  void WaitOver();
  void ShutdownDone();

 private:
  class Machine;  // keeps Boost.Beast out of this header
  std::unique_ptr<Machine> machine_;
};

// The bytes of a 503 that closes: what a server at its limit says without having read the request.
std::string OverloadedResponse(const SessionContext& context);

}  // namespace crossover
