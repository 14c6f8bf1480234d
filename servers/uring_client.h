// UringClient: a connection of io-uring-per-core, and what tells whose completion it is.
#pragma once

#include <liburing.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "servers/connection.h"

namespace crossover {

// What a completion is of; in the low bits of its user_data, above them is the connection.
enum class UringKind : uint64_t { kIgnored, kReceive, kSend, kWait, kAccept, kBackOff, kStop };
constexpr uint64_t kUringKindMask = 7;

// A connection with what the kernel is doing for it. It may go once that is nothing.
struct alignas(kUringKindMask + 1) UringClient {
  bool idle() const { return !receiving && !sending && !waiting && !starved; }
  uint64_t Tag(UringKind kind) {
    return reinterpret_cast<uint64_t>(this) | static_cast<uint64_t>(kind);
  }

  std::unique_ptr<Connection> connection;
  std::string ahead = {};             // received while the session was busy
  size_t ahead_taken = 0;             // of these
  std::optional<int> input_end = {};  // what comes after them: 0, or a negative errno
  __kernel_timespec wait = {};
  int64_t wait_ends_ns = 0;  // 0: no handler waits
  bool receiving = false;
  bool starved = false;  // found no buffer; not receiving
  bool sending = false;
  bool waiting = false;
  bool closing = false;
};

inline uint64_t TagOf(UringKind kind) { return static_cast<uint64_t>(kind); }

inline UringKind KindOf(const io_uring_cqe& completion) {
  return static_cast<UringKind>(completion.user_data & kUringKindMask);
}

// Of a completion of kReceive, kSend or kWait.
inline UringClient& ClientOf(const io_uring_cqe& completion) {
  auto* const tagged = static_cast<char*>(io_uring_cqe_get_data(&completion));
  return *reinterpret_cast<UringClient*>(tagged - (completion.user_data & kUringKindMask));
}

}  // namespace crossover
