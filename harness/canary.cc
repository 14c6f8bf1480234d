#include "harness/canary.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <functional>
#include <future>
#include <optional>
#include <span>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/cpu_list.h"
#include "base/error.h"
#include "base/fd.h"
#include "harness/statistics/median.h"

namespace crossover {
namespace {

// Some 20 ms each on a CPU of the 2020s.
constexpr int kUserSteps = 16'000'000;
constexpr int kCalls = 100'000;
constexpr int kExchanges = 700;
constexpr size_t kRequestBytes = 80;
constexpr size_t kResponseBytes = 120;

double TimeUserWork() {
  const int64_t start_ns = MonotonicNs();
  uint64_t state = 88'172'645'463'325'252;
  for (int i = 0; i < kUserSteps; ++i) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
  }
  // The result is used, so that the loop is not optimised away.
  volatile uint64_t result = state;
  static_cast<void>(result);
  return static_cast<double>(MonotonicNs() - start_ns);
}

double TimeSystemCalls() {
  const int64_t start_ns = MonotonicNs();
  for (int i = 0; i < kCalls; ++i) ::syscall(SYS_getppid);
  return static_cast<double>(MonotonicNs() - start_ns);
}

// Both ends of a connection over loopback.
class LoopbackConnection {
 public:
  // Throws std::system_error.
  LoopbackConnection() {
    const Fd listener = NewSocket();
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const any = reinterpret_cast<sockaddr*>(&address);
    if (bind(listener.get(), any, size) != 0 || listen(listener.get(), 1) != 0 ||
        getsockname(listener.get(), any, &size) != 0 || connect(client_.get(), any, size) != 0) {
      ThrowErrno("the canary's connection");
    }
    server_.Reset(accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!server_) ThrowErrno("the canary's connection");
    const int on = 1;
    for (const Fd* end : {&client_, &server_}) {
      setsockopt(end->get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }
  }

  // There and back again. What is sent is there at once, since delivering it is the sender's work.
  void Exchange() const {
    std::array<char, kResponseBytes> bytes{};
    Pass(client_, server_, std::span(bytes).first<kRequestBytes>());
    Pass(server_, client_, bytes);
  }

 private:
  static Fd NewSocket() {
    Fd made(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!made) ThrowErrno("the canary's socket");
    return made;
  }
  static void Pass(const Fd& from, const Fd& to, std::span<char> bytes) {
    const auto size = static_cast<ssize_t>(bytes.size());
    if (send(from.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) != size ||
        recv(to.get(), bytes.data(), bytes.size(), MSG_WAITALL) != size) {
      ThrowErrno("the canary's message");
    }
  }

  Fd client_ = NewSocket();
  Fd server_;
};

// In the middle of three: what a process leaves behind for the kernel to tidy up when it ends may
// still run on this CPU.
std::optional<double> TimeLoopback() try {
  const LoopbackConnection connection;
  std::vector<double> loops_ns;
  for (int loop = 0; loop < 3; ++loop) {
    const int64_t start_ns = MonotonicNs();
    for (int i = 0; i < kExchanges; ++i) connection.Exchange();
    loops_ns.push_back(static_cast<double>(MonotonicNs() - start_ns));
  }
  return Median(loops_ns);
} catch (const std::system_error&) {
  return std::nullopt;  // ports or descriptors are used up
}

// Calls `loops` in a thread of `cpu`; throws what goes wrong there.
void RunPinned(int cpu, const std::function<void()>& loops) {
  std::packaged_task<void()> task([&] {
    if (const int error = SetAffinity(0, {cpu}); error != 0) {
      ThrowErrno("canary on CPU " + std::to_string(cpu), error);
    }
    loops();
  });
  std::future<void> done = task.get_future();
  std::thread(std::move(task)).join();
  done.get();
}

}  // namespace

CanaryReading MeasureCanary(int cpu) {
  CanaryReading reading;
  RunPinned(cpu, [&] {
    reading.user_ns = TimeUserWork();
    reading.syscall_ns = TimeSystemCalls();
    reading.loopback_ns = TimeLoopback();
  });
  return reading;
}

std::optional<double> MeasureLoopback(int cpu) {
  std::optional<double> ns;
  RunPinned(cpu, [&] { ns = TimeLoopback(); });
  return ns;
}

std::optional<double> MeanOf(std::optional<double> before, std::optional<double> after) {
  if (before && after) return (*before + *after) / 2;
  return before ? before : after;
}

}  // namespace crossover
