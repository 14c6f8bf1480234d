#include "loadgen/null_responder.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <limits>
#include <string>

#include "base/clock.h"
#include "base/error.h"

namespace crossover {
namespace {

constexpr std::string_view kResponse =
    "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 10\r\n\r\nHello, C++";
constexpr size_t kResponsesInOneSend = 64;
constexpr size_t kReadBytes = 64 * 1024;
constexpr int kBacklog = 65'535;  // the kernel grants somaxconn at most
constexpr uint32_t kHeaderEnd = 0x0d0a0d0a;

const std::string& ManyResponses() {
  static const std::string many = [] {
    std::string text;
    for (size_t i = 0; i < kResponsesInOneSend; ++i) text += kResponse;
    return text;
  }();
  return many;
}

void SleepUntil(int64_t time_ns) {
  const timespec time{time_ns / kNsPerSecond, time_ns % kNsPerSecond};
  while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, nullptr) == EINTR) {
  }
}

void Watch(int epoll, int fd, uint32_t events) {
  epoll_event event{};
  event.events = events;
  event.data.fd = fd;
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0) ThrowErrno("epoll_ctl");
}

}  // namespace

int64_t StallSchedule::EndNs(int64_t start_ns, int64_t now_ns) const {
  if (every_ns == 0) return 0;
  const int64_t begin_ns = now_ns - (now_ns - start_ns) % every_ns;
  if (begin_ns == start_ns || now_ns >= begin_ns + duration_ns) return 0;
  return begin_ns + duration_ns;
}

int64_t StallSchedule::NextNs(int64_t start_ns, int64_t now_ns) const {
  if (every_ns == 0) return std::numeric_limits<int64_t>::max();
  return now_ns - (now_ns - start_ns) % every_ns + every_ns;
}

size_t RequestEnds::Count(std::string_view bytes) {
  size_t ends = 0;
  for (const char c : bytes) {
    last_ = last_ << 8 | static_cast<unsigned char>(c);
    ends += last_ == kHeaderEnd;
  }
  return ends;
}

NullResponder::NullResponder(uint16_t port, StallSchedule stalls, bool busy_poll)
    : stalls_(stalls),
      busy_poll_(busy_poll),
      listener_(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)),
      epoll_(epoll_create1(EPOLL_CLOEXEC)),
      stop_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      buffer_(kReadBytes) {
  if (!listener_ || !epoll_ || !stop_) ThrowErrno("cannot make descriptors");
  const int on = 1;
  setsockopt(listener_.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  setsockopt(listener_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);  // inherited
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  auto* const any = reinterpret_cast<sockaddr*>(&address);
  socklen_t length = sizeof address;
  if (bind(listener_.get(), any, length) != 0 || listen(listener_.get(), kBacklog) != 0 ||
      getsockname(listener_.get(), any, &length) != 0) {
    ThrowErrno("cannot listen on port " + std::to_string(port));
  }
  port_ = ntohs(address.sin_port);
  Watch(epoll_.get(), listener_.get(), EPOLLIN);
  Watch(epoll_.get(), stop_.get(), EPOLLIN);
  start_ns_ = MonotonicNs();
}

void NullResponder::Run() {
  std::array<epoll_event, 512> events{};
  while (true) {
    const int64_t now_ns = MonotonicNs();
    if (const int64_t end_ns = stalls_.EndNs(start_ns_, now_ns); end_ns != 0) SleepUntil(end_ns);
    // Asleep here when a stall begins, it must not answer before the stall's end.
    const int64_t left_ns =
        busy_poll_ ? 0 : std::min(stalls_.NextNs(start_ns_, now_ns) - now_ns, kNsPerSecond);
    const timespec timeout{left_ns / kNsPerSecond, left_ns % kNsPerSecond};
    const int count = epoll_pwait2(epoll_.get(), events.data(), static_cast<int>(events.size()),
                                   &timeout, nullptr);
    if (stalls_.every_ns != 0) {
      const int64_t end_ns = stalls_.EndNs(start_ns_, MonotonicNs());
      if (end_ns != 0) SleepUntil(end_ns);
    }
    for (int i = 0; i < count; ++i) {
      const epoll_event& event = events[static_cast<size_t>(i)];
      const int fd = event.data.fd;
      if (fd == stop_.get()) return;
      if (fd == listener_.get()) {
        Accept();
      } else {
        if (event.events & EPOLLOUT) Answer(fd);
        if (event.events & ~uint32_t{EPOLLOUT}) Serve(fd);
      }
    }
  }
}

void NullResponder::Stop() {
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t n = write(stop_.get(), &one, sizeof one);
}

void NullResponder::Accept() {
  while (true) {
    const int fd = accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;  // none left, or no descriptor for it: it stays in the backlog
    if (connections_.size() <= static_cast<size_t>(fd)) {
      connections_.resize(2 * static_cast<size_t>(fd) + 1);
    }
    connections_[static_cast<size_t>(fd)] = {.ends = {}, .owed_bytes = 0, .open = true};
    Watch(epoll_.get(), fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
  }
}

void NullResponder::Serve(int fd) {
  Connection& connection = connections_[static_cast<size_t>(fd)];
  while (connection.open) {
    const ssize_t n = recv(fd, buffer_.data(), buffer_.size(), 0);
    if (n < 0 && errno == EAGAIN) return;
    if (n <= 0) return Close(fd);
    const size_t requests = connection.ends.Count({buffer_.data(), static_cast<size_t>(n)});
    requests_ += requests;
    connection.owed_bytes += requests * kResponse.size();
    Answer(fd);
    if (static_cast<size_t>(n) < buffer_.size()) return;
  }
}

void NullResponder::Answer(int fd) {
  Connection& connection = connections_[static_cast<size_t>(fd)];
  const std::string& many = ManyResponses();
  while (connection.open && connection.owed_bytes > 0) {
    // What was sent of a response that was cut short is made up for first.
    const size_t begun =
        (kResponse.size() - connection.owed_bytes % kResponse.size()) % kResponse.size();
    const size_t size = std::min(connection.owed_bytes, many.size() - begun);
    const ssize_t n = send(fd, many.data() + begun, size, MSG_NOSIGNAL);
    if (n < 0 && errno == EAGAIN) return;  // EPOLLOUT will follow
    if (n < 0) return Close(fd);
    connection.owed_bytes -= static_cast<size_t>(n);
  }
}

void NullResponder::Close(int fd) {
  connections_[static_cast<size_t>(fd)].open = false;
  close(fd);
}

}  // namespace crossover
