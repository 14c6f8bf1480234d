// Interrupt: SIGINT and SIGTERM as something to poll for.
#pragma once

#include "base/fd.h"

namespace crossover {

// While it lives, the first SIGINT or SIGTERM makes fd() readable, and a second one ends the
// program at once, with the usual exit status (the kernel then kills its children). One at a time.
class Interrupt {
 public:
  Interrupt();
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  // Stays readable from the first signal on.
  int fd() const { return read_end_.get(); }
  // The signal that came, or 0.
  int signal() const;

 private:
  Fd read_end_;
  Fd write_end_;
};

}  // namespace crossover
