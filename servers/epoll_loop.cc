#include "servers/epoll_loop.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "base/check.h"
#include "base/clock.h"
#include "base/error.h"
#include "servers/epoll_events.h"

namespace crossover {

EpollLoop::EpollLoop(const ArchitectureOptions& options)
    : batch_(static_cast<int>(options.batch)),
      busy_poll_ns_(options.busy_poll_ns),
      epoll_(epoll_create1(EPOLL_CLOEXEC)),
      stop_event_(eventfd(0, EFD_CLOEXEC)) {
  if (!epoll_ || !stop_event_ ||
      !Register(EPOLL_CTL_ADD, stop_event_.get(), EPOLLIN, &stop_event_)) {
    ThrowErrno("epoll_create1");
  }
}

bool EpollLoop::Register(int operation, int fd, uint32_t events, void* what) const {
  epoll_event event{.events = events, .data = {.ptr = what}};
  return epoll_ctl(epoll_.get(), operation, fd, &event) == 0;
}

void EpollLoop::AcceptFrom(Listener& listener, Counters& counters) {
  listener_ = &listener;
  counters_ = &counters;
  if (!Register(EPOLL_CTL_ADD, listener.fd(), EPOLLIN, &listener_) ||
      !Register(EPOLL_CTL_ADD, listener.stop_fd(), EPOLLIN, &listener_)) {
    ThrowErrno("epoll_ctl");
  }
}

bool EpollLoop::Add(std::unique_ptr<Connection>& connection) {
  open_.fetch_add(1, std::memory_order_relaxed);
  Connection* const added = connection.release();  // the loop may delete it before ADD returns
  if (Register(EPOLL_CTL_ADD, added->fd(), kConnectionEvents, added)) return true;
  connection.reset(added);
  open_.fetch_sub(1, std::memory_order_relaxed);
  return false;
}

void EpollLoop::Stop() {
  if (eventfd_write(stop_event_.get(), 1) != 0) ThrowErrno("eventfd_write");
}

void EpollLoop::Run() {
  std::vector<epoll_event> events(static_cast<size_t>(batch_));
  while (!stopping_ || open() > 0) {
    const int ready = WaitForEvents(events.data());
    bool accept = back_off_until_ns_ > 0 && MonotonicNs() >= back_off_until_ns_;
    for (int i = 0; i < ready; ++i) {
      const epoll_event& event = events[static_cast<size_t>(i)];
      if (event.data.ptr == &stop_event_) {
        stopping_ = true;
        epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, stop_event_.get(), nullptr);
      } else if (event.data.ptr == &listener_) {
        accept = true;
      } else {
        Serve(static_cast<Connection*>(event.data.ptr), event.events);
      }
    }
    if (accept) Accept();
  }
}

// The number of events; none if a back-off is over. Spins for busy_poll_ns_ before it blocks.
int EpollLoop::WaitForEvents(epoll_event* events) {
  int ready = 0;
  if (busy_poll_ns_ > 0) {
    const int64_t end_ns = MonotonicNs() + busy_poll_ns_;
    while ((ready = epoll_wait(epoll_.get(), events, batch_, 0)) == 0 && MonotonicNs() < end_ns) {
    }
    if (ready > 0) return ready;
  }
  int timeout_ms = -1;
  if (back_off_until_ns_ > 0) {
    const int64_t left_ns = std::max<int64_t>(0, back_off_until_ns_ - MonotonicNs());
    timeout_ms = static_cast<int>((left_ns + kNsPerMs - 1) / kNsPerMs);
  }
  ready = epoll_wait(epoll_.get(), events, batch_, timeout_ms);
  CHECK(ready >= 0 || errno == EINTR);
  return ready;
}

void EpollLoop::Accept() {
  if (back_off_until_ns_ > 0) ListenForMore(true);
  back_off_until_ns_ = 0;
  for (int i = 0; i < kAcceptsInATurn; ++i) {
    Listener::Accepted accepted = listener_->TryAccept(SocketMode::kNonBlocking);
    switch (accepted.kind) {
      case Listener::Accepted::Kind::kConnection:
        if (Add(accepted.connection)) break;
        counters_->accept_errors.fetch_add(1, std::memory_order_relaxed);
        listener_->Reject(std::move(accepted.connection));
        break;
      case Listener::Accepted::Kind::kNone:
        return;
      case Listener::Accepted::Kind::kBackOff:
        back_off_until_ns_ = MonotonicNs() + accepted.back_off_ms * kNsPerMs;
        ListenForMore(false);
        return;
      case Listener::Accepted::Kind::kStopped:
        stopping_ = true;
        epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, listener_->fd(), nullptr);
        epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, listener_->stop_fd(), nullptr);
        return;
    }
  }
}

// Off, the connections that wait don't wake the loop; the stop does.
void EpollLoop::ListenForMore(bool on) {
  const uint32_t events = on ? uint32_t{EPOLLIN} : 0;
  if (!Register(EPOLL_CTL_MOD, listener_->fd(), events, &listener_)) ThrowErrno("epoll_ctl");
}

void EpollLoop::Serve(Connection* connection, uint32_t events) {
  if (connection->Run(PeerClosed(events)) == Connection::Outcome::kBlocked) return;
  delete connection;
  open_.fetch_sub(1, std::memory_order_relaxed);
}

}  // namespace crossover
