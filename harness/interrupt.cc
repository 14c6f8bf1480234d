#include "harness/interrupt.h"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>

#include "base/error.h"

namespace crossover {
namespace {

std::atomic<int> came{0};
std::atomic<int> wake_fd{-1};
static_assert(std::atomic<int>::is_always_lock_free);

void OnSignal(int signal) {
  const int error_number = errno;
  int none = 0;
  if (!came.compare_exchange_strong(none, signal)) ::_exit(128 + signal);
  const char byte = 0;
  [[maybe_unused]] const ssize_t n = ::write(wake_fd.load(), &byte, 1);
  errno = error_number;
}

void SetHandler(void (*handler)(int)) {
  struct sigaction action {};
  action.sa_handler = handler;
  for (const int signal : {SIGINT, SIGTERM}) ::sigaction(signal, &action, nullptr);
}

}  // namespace

Interrupt::Interrupt() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) ThrowErrno("pipe");
  read_end_.Reset(ends[0]);
  write_end_.Reset(ends[1]);
  came = 0;
  wake_fd = write_end_.get();
  SetHandler(OnSignal);
}

Interrupt::~Interrupt() {
  SetHandler(SIG_DFL);
  wake_fd = -1;
}

int Interrupt::signal() const { return came; }

}  // namespace crossover
