#include "harness/profile/perf_event.h"

#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <ctime>
#include <utility>

#include "base/check.h"

namespace crossover {
namespace {

size_t PageBytes() { return static_cast<size_t>(sysconf(_SC_PAGESIZE)); }

Fd OpenEvent(perf_event_attr& attr, int cpu) {
  return Fd(static_cast<int>(
      syscall(SYS_perf_event_open, &attr, /*pid=*/-1, cpu, /*group_fd=*/-1, PERF_FLAG_FD_CLOEXEC)));
}

std::string WhyRefused(const char* call, int error) {
  std::string why = std::string(call) + ": " + std::strerror(error);
  if (error == EACCES || error == EPERM) {
    why += "; run as root, or with CAP_PERFMON, or set the sysctl kernel.perf_event_paranoid to -1";
  }
  return why;
}

}  // namespace

std::span<const std::byte> RecordReader::TakeBytes(size_t size) {
  if (bytes_.size() < size) {
    ok_ = false;
    bytes_ = {};
    return {};
  }
  const auto taken = bytes_.first(size);
  bytes_ = bytes_.subspan(size);
  return taken;
}

std::optional<PerfEvent> PerfEvent::Open(const perf_event_attr& attributes, int cpu,
                                         size_t ring_bytes, std::string& why) {
  perf_event_attr attr = attributes;
  attr.size = sizeof attr;
  attr.disabled = 1;
  attr.use_clockid = 1;
  attr.clockid = CLOCK_MONOTONIC;
  attr.read_format = PERF_FORMAT_LOST;
  Fd fd = OpenEvent(attr, cpu);
  const bool counts_lost = fd || errno != EINVAL;
  if (!counts_lost) {  // a kernel before 6.0 knows of no such format
    attr.read_format = 0;
    fd = OpenEvent(attr, cpu);
  }
  if (!fd) {
    why = WhyRefused("perf_event_open", errno);
    return std::nullopt;
  }
  if (ring_bytes == 0) return PerfEvent(std::move(fd), nullptr, 0, counts_lost);
  const size_t mapped = PageBytes() + std::bit_ceil(std::max(ring_bytes, PageBytes()));
  void* const ring = mmap(nullptr, mapped, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
  if (ring == MAP_FAILED) {
    why = WhyRefused("mmap of a perf ring", errno);
    return std::nullopt;
  }
  return PerfEvent(std::move(fd), ring, mapped, counts_lost);
}

PerfEvent::PerfEvent(PerfEvent&& other) noexcept
    : fd_(std::move(other.fd_)),
      ring_(std::exchange(other.ring_, nullptr)),
      mapped_bytes_(other.mapped_bytes_),
      collected_(std::move(other.collected_)),
      collected_bytes_(other.collected_bytes_),
      counts_lost_(other.counts_lost_),
      lost_(other.lost_),
      lost_taken_(other.lost_taken_) {}

PerfEvent::~PerfEvent() {
  if (ring_ != nullptr) munmap(ring_, mapped_bytes_);
}

bool PerfEvent::WriteInto(const PerfEvent& other, std::string& why) {
  if (ioctl(fd_.get(), PERF_EVENT_IOC_SET_OUTPUT, other.fd_.get()) == 0) return true;
  why = WhyRefused("PERF_EVENT_IOC_SET_OUTPUT", errno);
  return false;
}

bool PerfEvent::Filter(const std::string& filter, std::string& why) {
  if (ioctl(fd_.get(), PERF_EVENT_IOC_SET_FILTER, filter.c_str()) == 0) return true;
  why = WhyRefused("PERF_EVENT_IOC_SET_FILTER", errno);
  return false;
}

void PerfEvent::Enable() { CHECK(ioctl(fd_.get(), PERF_EVENT_IOC_ENABLE, 0) == 0); }
void PerfEvent::Disable() { CHECK(ioctl(fd_.get(), PERF_EVENT_IOC_DISABLE, 0) == 0); }

void PerfEvent::NoteLost(std::span<const std::byte> body) {
  if (counts_lost_) return;
  RecordReader record(body);
  record.Take<uint64_t>();  // the event's number
  lost_ += record.Take<uint64_t>();
}

uint64_t PerfEvent::TakeLost() {
  struct {
    uint64_t value;
    uint64_t lost;
  } counts{};
  if (counts_lost_) {
    CHECK(read(fd_.get(), &counts, sizeof counts) == sizeof counts);
    lost_ = counts.lost;
  }
  return lost_ - std::exchange(lost_taken_, lost_);
}

// The kernel publishes what it wrote by data_head; what lies before data_tail is its again.
std::vector<std::byte> PerfEvent::TakeRecords() {
  auto* const page = static_cast<perf_event_mmap_page*>(ring_);
  const auto* const data = static_cast<const std::byte*>(ring_) + page->data_offset;
  const uint64_t head = __atomic_load_n(&page->data_head, __ATOMIC_ACQUIRE);
  const uint64_t tail = page->data_tail;
  const size_t begin = tail % page->data_size;
  const size_t until_end = std::min<size_t>(head - tail, page->data_size - begin);
  std::vector<std::byte> records(head - tail);
  const auto wrapped = std::copy_n(data + begin, until_end, records.begin());
  std::copy_n(data, records.size() - until_end, wrapped);
  __atomic_store_n(&page->data_tail, head, __ATOMIC_RELEASE);
  return records;
}

void PerfEvent::Collect() {
  if (collected_bytes_ >= kCollectedMaxBytes) return;
  collected_.push_back(TakeRecords());
  collected_bytes_ += collected_.back().size();
}

}  // namespace crossover
