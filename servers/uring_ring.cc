#include "servers/uring_ring.h"

#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <string>

#include "base/check.h"
#include "base/error.h"
#include "base/limits.h"

namespace crossover {
namespace {

constexpr unsigned kEntriesMin = 64;
constexpr unsigned kEntriesMax = 32'768;  // the kernel's own limit, of buffers as well
// Multishot requests complete unasked, so that there may be many more completions than entries. If
// the queue is full nonetheless the kernel keeps the rest, and ends the multishot requests.
constexpr unsigned kCompletionsPerEntry = 16;
constexpr unsigned kCompletionsMax = 65'536;
constexpr size_t kBufferBytes = limits::kReadChunkBytes;
constexpr uint16_t kBufferGroup = 0;

const char* Remedy(int error) {
  switch (error) {
    case EPERM:
    case EACCES:
      return "io_uring is forbidden here; see the sysctl kernel.io_uring_disabled, and in a "
             "container its seccomp profile";
    case ENOSYS:
    case EINVAL:
      return "needs Linux 6.1, and a seccomp profile that permits io_uring";
    default:
      return "needs a descriptor and some memory for each of --workers";
  }
}

[[noreturn]] void Refuse(const char* call, int error) {
  throw UsageError("--architecture io-uring-per-core: " + std::string(call) + ": " +
                   std::strerror(error) + "; " + Remedy(error));
}

}  // namespace

UringRing::Mapping::Mapping(size_t bytes)
    : bytes_(bytes),
      data_(mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_ANONYMOUS | MAP_PRIVATE, -1, 0)) {
  if (data_ == MAP_FAILED) Refuse("mmap", errno);
}

UringRing::Mapping::~Mapping() { munmap(data_, bytes_); }

UringRing::UringRing(size_t batch)
    : batch_(static_cast<unsigned>(std::clamp<size_t>(batch, 1, limits::kBatchMax))),
      entries_(std::clamp(std::bit_ceil(batch_), kEntriesMin, kEntriesMax)),
      buffers_(entries_ * kBufferBytes),
      buffer_ring_memory_(entries_ * sizeof(io_uring_buf)),
      buffer_ring_(reinterpret_cast<io_uring_buf_ring*>(buffer_ring_memory_.data())) {
  SetUpQueues();
  SetUpBuffers();
}

UringRing::~UringRing() { io_uring_queue_exit(&ring_); }

// SINGLE_ISSUER and DEFER_TASKRUN: one thread submits, and what the kernel has to do for it is done
// when that thread waits for completions, never in between; which is more than COOP_TASKRUN asks
// for. Linux 6.1 has it, and with it whatever else is used here.
void UringRing::SetUpQueues() {
  io_uring_params parameters{};
  // Disabled at first: the thread that enables it is the one that may submit.
  parameters.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN |
                     IORING_SETUP_R_DISABLED | IORING_SETUP_SUBMIT_ALL | IORING_SETUP_CQSIZE;
  parameters.cq_entries = std::min(entries_ * kCompletionsPerEntry, kCompletionsMax);
  const int result = io_uring_queue_init_params(entries_, &ring_, &parameters);
  if (result != 0) Refuse("io_uring_setup", -result);
}

void UringRing::SetUpBuffers() {
  io_uring_buf_reg registration{};
  registration.ring_addr = reinterpret_cast<uint64_t>(buffer_ring_);
  registration.ring_entries = entries_;
  registration.bgid = kBufferGroup;
  const int result = io_uring_register_buf_ring(&ring_, &registration, 0);
  if (result != 0) {
    io_uring_queue_exit(&ring_);
    Refuse("io_uring_register", -result);
  }
  io_uring_buf_ring_init(buffer_ring_);
  for (unsigned id = 0; id < entries_; ++id) AddBuffer(static_cast<uint16_t>(id));
}

void UringRing::Enable() {
  // liburing 2.3 declares a function for it and doesn't export it.
  CHECK(syscall(SYS_io_uring_register, ring_.ring_fd, IORING_REGISTER_ENABLE_RINGS, nullptr, 0) ==
        0);
  io_uring_register_ring_fd(&ring_);  // spares a look-up with each system call, if it works
}

// The registration of the descriptor is the thread's; the ring may be destroyed by another.
void UringRing::Disable() { io_uring_unregister_ring_fd(&ring_); }

io_uring_sqe* UringRing::NextEntry(uint64_t user_data) {
  io_uring_sqe* const entry = io_uring_get_sqe(&ring_);
  CHECK(entry != nullptr);
  entry->user_data = user_data;  // the functions that prepare entries leave it as it is
  return entry;
}

void UringRing::Receive(int fd, uint64_t user_data) {
  io_uring_sqe* const entry = NextEntry(user_data);
  io_uring_prep_recv_multishot(entry, fd, nullptr, 0, 0);
  entry->flags |= IOSQE_BUFFER_SELECT;
  entry->buf_group = kBufferGroup;
}

void UringRing::Cancel(uint64_t user_data, uint64_t ignored) {
  io_uring_sqe* const entry = NextEntry(ignored);
  io_uring_prep_cancel64(entry, user_data, 0);
  entry->flags |= IOSQE_CQE_SKIP_SUCCESS;
}

void UringRing::SubmitAndWait(unsigned wanted) {
  const int result = wanted > 0 ? io_uring_submit_and_wait(&ring_, wanted)
                                : io_uring_submit_and_get_events(&ring_);
  // Interrupted, short of memory for a request, or completions are to be taken first: what was not
  // submitted stays queued for the next time.
  CHECK(result >= 0 || result == -EINTR || result == -EAGAIN || result == -EBUSY ||
        result == -ENOMEM || result == -ETIME);
}

std::span<const char> UringRing::Received(const io_uring_cqe& completion) const {
  if (completion.res <= 0 || !(completion.flags & IORING_CQE_F_BUFFER)) return {};
  const size_t id = completion.flags >> IORING_CQE_BUFFER_SHIFT;
  return {buffers_.data() + id * kBufferBytes, static_cast<size_t>(completion.res)};
}

bool UringRing::GiveBack(const io_uring_cqe& completion) {
  if (!(completion.flags & IORING_CQE_F_BUFFER)) return false;
  AddBuffer(static_cast<uint16_t>(completion.flags >> IORING_CQE_BUFFER_SHIFT));
  return true;
}

void UringRing::AddBuffer(uint16_t id) {
  io_uring_buf_ring_add(buffer_ring_, buffers_.data() + size_t{id} * kBufferBytes, kBufferBytes, id,
                        io_uring_buf_ring_mask(entries_), 0);
  io_uring_buf_ring_advance(buffer_ring_, 1);
}

}  // namespace crossover
