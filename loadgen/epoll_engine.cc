// Readiness: a request costs one send and one recv, and its share of an epoll_wait. A recv that
// fills less than the buffer has drained the socket, and each connection is registered once,
// edge-triggered, for all events of its life.
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <vector>

#include "base/check.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/fd.h"
#include "loadgen/engine.h"

namespace crossover {
namespace {

constexpr size_t kReceiveBufferBytes = 64 * 1024;
constexpr int kEventsMax = 512;
constexpr uint32_t kWakeIndex = UINT32_MAX;
constexpr uint32_t kHangup = EPOLLRDHUP | EPOLLHUP | EPOLLERR;

class EpollEngine : public Engine {
 public:
  EpollEngine(EngineSink& sink, size_t connections)
      : sink_(sink),
        epoll_(epoll_create1(EPOLL_CLOEXEC)),
        wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
        slots_(connections),
        buffer_(kReceiveBufferBytes) {
    if (!epoll_) ThrowErrno("epoll_create1");
    if (!wake_) ThrowErrno("eventfd");
    // Each write is an edge, so that nobody need read it.
    if (Register(wake_.get(), kWakeIndex, EPOLLIN | EPOLLET) != 0) ThrowErrno("epoll_ctl");
  }
  ~EpollEngine() override {
    for (const Slot& slot : slots_) {
      if (slot.fd >= 0) close(slot.fd);
    }
  }

  void Start() override {}

  void Connect(uint32_t index, const SocketAddress& target, const SocketAddress& source) override {
    Slot& slot = slots_[index];
    slot = {.fd = OpenTcpSocket(target, source, SOCK_NONBLOCK), .connecting = true};
    if (slot.fd < 0) return failures_.push_back({index, errno});
    // EPOLLOUT stays in the set: edge-triggered it fires only when the connection stands, and after
    // a send that was cut short, so that the set need never change.
    if ((connect(slot.fd, target.get(), target.length) != 0 && errno != EINPROGRESS) ||
        Register(slot.fd, index, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET) != 0) {
      failures_.push_back({index, errno});
    }
  }

  void Send(uint32_t index, std::string_view bytes) override {
    slots_[index].unsent = bytes;
    SendRest(index);
  }

  bool IsSending(uint32_t index) const override { return !slots_[index].unsent.empty(); }

  void Close(uint32_t index) override {
    Slot& slot = slots_[index];
    if (slot.fd >= 0) close(slot.fd);
    slot = {};
    if (failures_.empty()) [[likely]]
      return;
    std::erase_if(failures_, [&](const Failure& each) { return each.index == index; });
  }

  void Wait(int64_t timeout_ns) override {
    if (TellFailures()) timeout_ns = 0;
    const timespec timeout{timeout_ns / kNsPerSecond, timeout_ns % kNsPerSecond};
    const int count =
        epoll_pwait2(epoll_.get(), events_.data(), kEventsMax, &timeout, /*ss=*/nullptr);
    CHECK(count >= 0 || errno == EINTR);
    for (int i = 0; i < count; ++i) {
      const epoll_event& event = events_[static_cast<size_t>(i)];
      Handle(event.data.u32, event.events);
    }
    TellFailures();
  }

  void Wake() override {
    const uint64_t one = 1;
    // It fails only if the counter is full, and then the loop is awake.
    [[maybe_unused]] const ssize_t n = write(wake_.get(), &one, sizeof one);
  }

 private:
  struct Slot {
    std::string_view unsent = {};
    int fd = -1;
    bool connecting = false;
  };
  struct Failure {
    uint32_t index;
    int error;
  };

  int Register(int fd, uint32_t index, uint32_t events) {
    epoll_event event{};
    event.events = events;
    event.data.u32 = index;
    return epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event);
  }

  void Handle(uint32_t index, uint32_t events) {
    if (index == kWakeIndex) return sink_.OnWake();
    if (slots_[index].fd < 0) return;  // closed since, in the same batch
    if (slots_[index].connecting && !FinishConnect(index, events)) return;
    if (IsSending(index) && (events & EPOLLOUT)) SendRest(index);
    if (events & (EPOLLIN | kHangup)) Receive(index, (events & kHangup) != 0);
  }

  // Whether the connection stands now.
  bool FinishConnect(uint32_t index, uint32_t events) {
    Slot& slot = slots_[index];
    if (events & (EPOLLERR | EPOLLHUP)) {
      int error = 0;
      socklen_t length = sizeof error;
      getsockopt(slot.fd, SOL_SOCKET, SO_ERROR, &error, &length);
      sink_.OnConnected(index, error != 0 ? error : ECONNRESET);
      return false;
    }
    if (!(events & EPOLLOUT)) return false;
    slot.connecting = false;
    sink_.OnConnected(index, 0);
    return slot.fd >= 0;
  }

  void SendRest(uint32_t index) {
    Slot& slot = slots_[index];
    while (true) {
      const ssize_t n = send(slot.fd, slot.unsent.data(), slot.unsent.size(), MSG_NOSIGNAL);
      if (n >= 0) {
        slot.unsent.remove_prefix(static_cast<size_t>(n));
        return;  // a short send has filled the socket; EPOLLOUT will follow
      }
      if (errno == EINTR) continue;
      if (errno != EAGAIN) failures_.push_back({index, errno});
      return;
    }
  }

  void Receive(uint32_t index, bool hung_up) {
    const Slot& slot = slots_[index];
    // Whoever is told may close the connection, and even begin another in its place.
    while (slot.fd >= 0 && !slot.connecting) {
      const ssize_t n = recv(slot.fd, buffer_.data(), buffer_.size(), 0);
      if (n > 0) {
        const auto size = static_cast<size_t>(n);
        sink_.OnBytes(index, {buffer_.data(), size}, hung_up);
        if (size < buffer_.size() && !hung_up) return;
        continue;
      }
      if (n < 0 && errno == EINTR) continue;
      if (n < 0 && errno == EAGAIN) return;
      return sink_.OnEnd(index, n == 0 ? 0 : errno);
    }
  }

  // A failure is told from within Wait, however early it was found. Whether there was any.
  bool TellFailures() {
    if (failures_.empty()) [[likely]]
      return false;
    while (!failures_.empty()) {
      const Failure failure = failures_.back();
      failures_.pop_back();
      if (slots_[failure.index].connecting) {
        sink_.OnConnected(failure.index, failure.error);
      } else {
        sink_.OnEnd(failure.index, failure.error);
      }
    }
    return true;
  }

  EngineSink& sink_;
  Fd epoll_;
  Fd wake_;
  std::vector<Slot> slots_;
  std::vector<char> buffer_;
  std::array<epoll_event, kEventsMax> events_{};
  std::vector<Failure> failures_;  // of connections that are not closed yet
};

}  // namespace

std::unique_ptr<Engine> MakeEpollEngine(EngineSink& sink, size_t connections) {
  return std::make_unique<EpollEngine>(sink, connections);
}

}  // namespace crossover
