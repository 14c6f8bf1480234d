// LoopbackConnection: both ends of a TCP connection over loopback, for measuring what messages
// cost.
#pragma once

#include "base/fd.h"

namespace crossover {

// Any thread; several at a time may take each other's messages.
class LoopbackConnection {
 public:
  // Throws std::system_error.
  LoopbackConnection();

  // A message as long as a small request goes there. What is sent is there at once, since
  // delivering it is the sender's work. Throws std::system_error.
  void Ask() const;
  // The same, and one as long as its response comes back.
  void Exchange() const;

 private:
  Fd client_;
  Fd server_;
};

}  // namespace crossover
