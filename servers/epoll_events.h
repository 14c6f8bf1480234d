// The epoll events of a connection, for all who wait for them.
#pragma once

#include <sys/epoll.h>

#include <cstdint>

namespace crossover {

// What a connection's socket is registered for, once: edges in both directions.
inline constexpr uint32_t kConnectionEvents = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;

// Whether the peer has shut down its side, or the connection is no more: Run()'s `peer_closed`.
inline bool PeerClosed(uint32_t events) {
  return (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
}

}  // namespace crossover
