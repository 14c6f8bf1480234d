// Completion: one ring per thread. Each connection has one multishot receive into buffers that all
// share, a send leaves no completion unless it fails, and everything queued goes to the kernel
// with the next wait, so that a batch of requests costs one system call.
//
// The kernel's side: io_uring_setup(2), io_uring_enter(2), and for the choice of flags Axboe,
// "What's new with io_uring in 6.0/6.1" and liburing's io_uring_setup_flags.7. Needs Linux 6.1.
#include <liburing.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <system_error>
#include <vector>

#include "base/check.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/fd.h"
#include "loadgen/engine.h"

namespace crossover {
namespace {

constexpr unsigned kSubmissions = 512;
constexpr unsigned kCompletionsMax = 32'768;
// The kernel fills them in turn: few enough to stay in the second-level cache, and more than are
// full at once, since it hands over some 20 completions at a time.
constexpr unsigned kBuffers = 512;  // a power of two
constexpr unsigned kBufferBytes = 2048;
constexpr int kBufferGroup = 0;
// A send that is so short fits into any socket whose last response has come, and its completion
// isn't waited for.
constexpr size_t kQuietSendMax = 16 * 1024;

enum class Operation : uint64_t { kConnect, kReceive, kSend, kQuietSend, kWake };

class UringEngine : public Engine {
 public:
  UringEngine(EngineSink& sink, size_t connections)
      : sink_(sink), wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)), slots_(connections) {
    if (!wake_) ThrowErrno("eventfd");
    SetUpRing(connections);
    SetUpFiles(connections);
    SetUpBuffers();
  }
  ~UringEngine() override {
    for (const Slot& slot : slots_) {
      if (slot.fd >= 0) close(slot.fd);
    }
  }

  void Start() override {
    // From here on the ring belongs to this thread. liburing 2.3 declares io_uring_enable_rings and
    // doesn't export it.
    if (syscall(SYS_io_uring_register, ring_.value.ring_fd, IORING_REGISTER_ENABLE_RINGS, nullptr,
                0) != 0) {
      Refuse("io_uring_register", errno);
    }
    io_uring_register_ring_fd(&ring_.value);  // spares a look-up with each system call, if it works
    AwaitWake();
    io_uring_submit(&ring_.value);
  }

  void Connect(uint32_t index, const SocketAddress& target, const SocketAddress& source) override {
    Slot& slot = slots_[index];
    slot.fd = OpenTcpSocket(target, source, 0);
    if (slot.fd < 0) return failed_connects_.push_back({index, errno});
    io_uring_sqe* const entry = NextEntry();
    io_uring_prep_connect(entry, slot.fd, target.get(), target.length);
    Tag(entry, Operation::kConnect, index);
  }

  void Send(uint32_t index, std::string_view bytes) override {
    io_uring_sqe* const entry = NextEntry();
    // MSG_WAITALL: the kernel goes on until all is sent.
    io_uring_prep_send(entry, static_cast<int>(index), bytes.data(), bytes.size(),
                       MSG_NOSIGNAL | MSG_WAITALL);
    if (bytes.size() <= kQuietSendMax) {
      entry->flags |= IOSQE_CQE_SKIP_SUCCESS | IOSQE_FIXED_FILE;
      Tag(entry, Operation::kQuietSend, index);
    } else {
      slots_[index].sending = true;
      entry->flags |= IOSQE_FIXED_FILE;
      Tag(entry, Operation::kSend, index);
    }
  }

  bool IsSending(uint32_t index) const override { return slots_[index].sending; }

  void Close(uint32_t index) override {
    Slot& slot = slots_[index];
    if (slot.fd < 0) return;
    // The requests under way hold the socket open; this ends them.
    shutdown(slot.fd, SHUT_RDWR);
    close(slot.fd);
    SetFile(index, -1);
    slot = {.fd = -1, .generation = slot.generation + 1, .sending = false};
  }

  void Wait(int64_t timeout_ns) override {
    if (!failed_connects_.empty()) [[unlikely]] {
      for (const Failure& each : std::exchange(failed_connects_, {})) {
        sink_.OnConnected(each.index, each.error);
      }
      timeout_ns = 0;
    }
    if (timeout_ns == 0) {
      io_uring_submit_and_get_events(&ring_.value);
    } else {
      SubmitAndWait(timeout_ns);
    }
    unsigned head = 0;
    unsigned seen = 0;
    buffers_freed_ = 0;
    io_uring_cqe* completion = nullptr;
    io_uring_for_each_cqe(&ring_.value, head, completion) {
      ++seen;
      Handle(*completion);
    }
    io_uring_buf_ring_advance(buffer_ring_.get(), buffers_freed_);
    io_uring_cq_advance(&ring_.value, seen);
  }

  void Wake() override {
    const uint64_t one = 1;
    [[maybe_unused]] const ssize_t n = write(wake_.get(), &one, sizeof one);
  }

 private:
  struct Slot {
    int fd = -1;
    uint32_t generation = 0;  // so that late completions are known for what they are
    bool sending = false;
  };
  struct Failure {
    uint32_t index;
    int error;
  };
  struct Ring {
    io_uring value{};
    bool exists = false;
    ~Ring() {
      if (exists) io_uring_queue_exit(&value);
    }
  };
  // Anonymous memory: untouched buffers cost nothing.
  class Mapping {
   public:
    explicit Mapping(size_t bytes)
        : bytes_(bytes),
          data_(mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_ANONYMOUS | MAP_PRIVATE, -1, 0)) {
      if (data_ == MAP_FAILED) ThrowErrno("mmap");
    }
    Mapping(const Mapping&) = delete;
    Mapping& operator=(const Mapping&) = delete;
    ~Mapping() { munmap(data_, bytes_); }
    void* data() const { return data_; }

   private:
    size_t bytes_;
    void* data_;
  };
  class BufferRing {
   public:
    io_uring_buf_ring* get() const { return static_cast<io_uring_buf_ring*>(memory_.data()); }

   private:
    Mapping memory_{kBuffers * sizeof(io_uring_buf)};
  };

  [[noreturn]] static void Refuse(const char* what, int error) {
    throw std::system_error(error, std::generic_category(), what);
  }

  void SetUpRing(size_t connections) {
    io_uring_params parameters{};
    // Disabled at first: the thread that enables it is the one that may submit.
    parameters.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN |
                       IORING_SETUP_R_DISABLED | IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP;
    parameters.cq_entries = kSubmissions * 2;
    while (parameters.cq_entries < 2 * connections && parameters.cq_entries < kCompletionsMax) {
      parameters.cq_entries *= 2;
    }
    if (const int error = -io_uring_queue_init_params(kSubmissions, &ring_.value, &parameters)) {
      Refuse("io_uring_setup", error);
    }
    ring_.exists = true;
    constexpr unsigned kNeeded = IORING_FEAT_EXT_ARG | IORING_FEAT_CQE_SKIP | IORING_FEAT_NODROP;
    if ((parameters.features & kNeeded) != kNeeded) Refuse("io_uring_setup", ENOSYS);
  }

  void SetUpFiles(size_t connections) {
    const auto files = static_cast<unsigned>(connections);
    if (const int error = -io_uring_register_files_sparse(&ring_.value, files)) {
      Refuse("io_uring_register", error);
    }
  }

  void SetUpBuffers() {
    io_uring_buf_reg registration{};
    registration.ring_addr = reinterpret_cast<uint64_t>(buffer_ring_.get());
    registration.ring_entries = kBuffers;
    registration.bgid = kBufferGroup;
    if (const int error = -io_uring_register_buf_ring(&ring_.value, &registration, 0)) {
      Refuse("io_uring_register", error);
    }
    io_uring_buf_ring_init(buffer_ring_.get());
    for (unsigned i = 0; i < kBuffers; ++i) Free(static_cast<uint16_t>(i));
    io_uring_buf_ring_advance(buffer_ring_.get(), buffers_freed_);
  }

  char* Buffer(uint16_t id) const {
    return static_cast<char*>(buffers_.data()) + size_t{id} * kBufferBytes;
  }

  // The kernel may have it again, as of the next io_uring_buf_ring_advance.
  void Free(uint16_t id) {
    io_uring_buf_ring_add(buffer_ring_.get(), Buffer(id), kBufferBytes, id,
                          io_uring_buf_ring_mask(kBuffers), buffers_freed_++);
  }

  void SubmitAndWait(int64_t timeout_ns) {
    if (timeout_ns == 0) {  // without arming a timer
      const int result = io_uring_submit_and_get_events(&ring_.value);
      CHECK(result >= 0 || result == -EINTR || result == -EBUSY || result == -EAGAIN);
      return;
    }
    __kernel_timespec timeout{timeout_ns / kNsPerSecond, timeout_ns % kNsPerSecond};
    io_uring_cqe* first = nullptr;
    const int result =
        io_uring_submit_and_wait_timeout(&ring_.value, &first, 1, &timeout, /*sigmask=*/nullptr);
    CHECK(result >= 0 || result == -ETIME || result == -EINTR || result == -EBUSY ||
          result == -EAGAIN);
  }

  io_uring_sqe* NextEntry() {
    io_uring_sqe* entry = io_uring_get_sqe(&ring_.value);
    while (entry == nullptr) {
      io_uring_submit(&ring_.value);
      entry = io_uring_get_sqe(&ring_.value);
    }
    return entry;
  }

  // operation: 4 bits, generation: 28, index: 32.
  void Tag(io_uring_sqe* entry, Operation operation, uint32_t index) {
    const uint64_t generation = operation == Operation::kWake ? 0 : slots_[index].generation;
    entry->user_data =
        static_cast<uint64_t>(operation) << 60 | (generation & 0xFFF'FFFF) << 32 | index;
  }

  void AwaitWake() {
    io_uring_sqe* const entry = NextEntry();
    io_uring_prep_poll_multishot(entry, wake_.get(), POLLIN);
    Tag(entry, Operation::kWake, 0);
  }

  // Connections that stand are known to the ring by their index, which spares it the descriptor
  // table. Returns 0 or errno.
  int SetFile(uint32_t index, int fd) {
    const int result = io_uring_register_files_update(&ring_.value, index, &fd, 1);
    return result < 0 ? -result : 0;
  }

  void AwaitBytes(uint32_t index) {
    io_uring_sqe* const entry = NextEntry();
    io_uring_prep_recv_multishot(entry, static_cast<int>(index), nullptr, 0, 0);
    entry->flags |= IOSQE_BUFFER_SELECT | IOSQE_FIXED_FILE;
    entry->buf_group = kBufferGroup;
    Tag(entry, Operation::kReceive, index);
  }

  void Handle(const io_uring_cqe& completion) {
    const auto operation = static_cast<Operation>(completion.user_data >> 60);
    const auto index = static_cast<uint32_t>(completion.user_data);
    if (operation == Operation::kWake) return HandleWake(completion);
    const bool current =
        (completion.user_data >> 32 & 0xFFF'FFFF) == (slots_[index].generation & 0xFFF'FFFF);
    if (operation == Operation::kReceive) return HandleReceive(completion, index, current);
    if (!current) return;
    if (operation == Operation::kConnect) {
      int error = -completion.res;
      if (error == 0) error = SetFile(index, slots_[index].fd);
      if (error == 0) AwaitBytes(index);
      sink_.OnConnected(index, error);
      return;
    }
    slots_[index].sending = false;
    if (completion.res < 0) sink_.OnEnd(index, -completion.res);
  }

  void HandleWake(const io_uring_cqe& completion) {
    uint64_t ignored = 0;
    [[maybe_unused]] const ssize_t n = read(wake_.get(), &ignored, sizeof ignored);
    if (!(completion.flags & IORING_CQE_F_MORE)) AwaitWake();
    sink_.OnWake();
  }

  void HandleReceive(const io_uring_cqe& completion, uint32_t index, bool current) {
    const bool has_buffer = (completion.flags & IORING_CQE_F_BUFFER) != 0;
    const auto buffer = static_cast<uint16_t>(completion.flags >> IORING_CQE_BUFFER_SHIFT);
    if (current && completion.res > 0) [[likely]] {
      const uint32_t generation = slots_[index].generation;
      sink_.OnBytes(index, {Buffer(buffer), static_cast<size_t>(completion.res)}, /*last=*/false);
      current = slots_[index].generation == generation;
    }
    if (has_buffer) Free(buffer);
    if (!current || (completion.flags & IORING_CQE_F_MORE)) return;
    // The multishot receive is over: no buffer was free just then, or the connection is done.
    if (completion.res > 0 || completion.res == -ENOBUFS) return AwaitBytes(index);
    sink_.OnEnd(index, -completion.res);
  }

  EngineSink& sink_;
  Fd wake_;
  std::vector<Slot> slots_;
  Mapping buffers_{size_t{kBuffers} * kBufferBytes};
  BufferRing buffer_ring_;
  Ring ring_;  // goes first: the kernel uses the buffers as long as it is there
  int buffers_freed_ = 0;
  std::vector<Failure> failed_connects_;
};

}  // namespace

std::unique_ptr<Engine> MakeUringEngine(EngineSink& sink, size_t connections) {
  return std::make_unique<UringEngine>(sink, connections);
}

}  // namespace crossover
