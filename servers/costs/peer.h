// Peer: the clients of a ConnectionSet, in a child process that never sleeps, so that no wake-up of
// theirs is among what the server's side pays for.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace crossover {

// One thread, the one that made it: the child dies with that.
class Peer {
 public:
  struct Options {
    int cpu = 0;
    uint16_t port = 0;  // on 127.0.0.1
    size_t connections = 0;
    std::string request;
    size_t response_bytes = 0;
  };

  // Starts to connect. No other thread may run in this process. Throws std::system_error.
  explicit Peer(const Options& options);
  ~Peer();
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;

  // One more connection was accepted: the peer is never far ahead.
  void NoteAccepted() { board_->accepted.fetch_add(1, std::memory_order_release); }
  // Lets it send so many more requests. Each goes to the connection that has been idle for the
  // longest, in the order of their making; with none idle it waits for a response.
  void Allow(size_t requests) {
    allowed_ += requests;
    board_->allowed.store(allowed_, std::memory_order_release);
  }
  size_t allowed() const { return allowed_; }
  // Spins until so many in all, or all that were allowed, have been sent. Throws UsageError if the
  // peer has failed.
  void AwaitSent(size_t requests) const;
  void AwaitSent() const { AwaitSent(allowed_); }
  // To be called now and then by whoever waits for what the peer does; throws likewise.
  void CheckAlive() const;

 private:
  // In memory that both processes have.
  struct alignas(64) Board {
    alignas(64) std::atomic<size_t> accepted{0};
    alignas(64) std::atomic<size_t> allowed{0};
    alignas(64) std::atomic<size_t> sent{0};
    std::atomic<int> error{0};  // errno of what failed
  };
  class Client;

  std::shared_ptr<Board> board_;
  size_t allowed_ = 0;
  pid_t pid_ = -1;
};

}  // namespace crossover
