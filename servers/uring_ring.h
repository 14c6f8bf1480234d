// UringRing: one thread's io_uring, with the buffers that the kernel receives into.
#pragma once

#include <liburing.h>

#include <cstddef>
#include <cstdint>
#include <span>

namespace crossover {

class UringRing {
 public:
  // `batch`: completions handled between two system calls; sizes the queues and the buffers. Throws
  // UsageError if the kernel is older than Linux 6.1, forbids io_uring, or lacks the memory. Any
  // thread; nothing else may be called before Enable().
  explicit UringRing(size_t batch);
  ~UringRing();
  UringRing(const UringRing&) = delete;
  UringRing& operator=(const UringRing&) = delete;

  // From here on the ring belongs to the calling thread, until it calls Disable().
  void Enable();
  void Disable();

  // Whether that many entries can be queued before the next SubmitAndWait().
  bool HasRoom(unsigned entries) const { return io_uring_sq_space_left(&ring_) >= entries; }
  // A new entry; what its completion is to be known by goes into user_data. There must be room.
  io_uring_sqe* NextEntry(uint64_t user_data);
  size_t buffers() const { return entries_; }
  // Queues a multishot receive from `fd` into the buffers.
  void Receive(int fd, uint64_t user_data);
  // Queues the cancellation of what was queued with `user_data`; that completes in any case, the
  // cancellation as `ignored` or not at all.
  void Cancel(uint64_t user_data, uint64_t ignored);

  // Submits what is queued and waits for completions until there are that many. May come back
  // early, without any.
  void SubmitAndWait(unsigned wanted);

  // Hands up to a batch of the completions that are there to `handle`, in their order, as long as
  // there is room for the `room` entries that one may call for. Their buffers are to be given back.
  template <typename Handler>
  void HandleCompletions(unsigned room, const Handler& handle) {
    unsigned head = 0;
    unsigned seen = 0;
    io_uring_cqe* completion = nullptr;
    io_uring_for_each_cqe(&ring_, head, completion) {
      if (seen == batch_ || !HasRoom(room)) break;
      ++seen;
      handle(*completion);
    }
    io_uring_cq_advance(&ring_, seen);
  }
  bool has_completions() const { return io_uring_cq_ready(&ring_) > 0; }

  // The bytes of a receive's completion, empty if it brought none. Its buffer, if it has one, is
  // the caller's until GiveBack().
  std::span<const char> Received(const io_uring_cqe& completion) const;
  // False if it has none.
  bool GiveBack(const io_uring_cqe& completion);

 private:
  void SetUpQueues();
  void SetUpBuffers();
  void AddBuffer(uint16_t id);

  // Anonymous memory; untouched pages of it cost nothing.
  class Mapping {
   public:
    explicit Mapping(size_t bytes);
    ~Mapping();
    Mapping(const Mapping&) = delete;
    Mapping& operator=(const Mapping&) = delete;
    char* data() const { return static_cast<char*>(data_); }

   private:
    size_t bytes_;
    void* data_;
  };

  const unsigned batch_;
  const unsigned entries_;  // of the submission queue; as many buffers. A power of two
  Mapping buffers_;
  Mapping buffer_ring_memory_;
  io_uring_buf_ring* const buffer_ring_;
  io_uring ring_{};
};

}  // namespace crossover
