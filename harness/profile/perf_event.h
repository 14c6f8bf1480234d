// PerfEvent: a perf event on one CPU, of whatever process runs there, with the ring that the kernel
// writes its records into. One descriptor for each CPU, however many threads the server has.
#pragma once

#include <linux/perf_event.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/fd.h"

namespace crossover {

// Reads one record's fields one after the other. A record that is shorter than it should be reads
// as zeros, and ok() says so.
class RecordReader {
 public:
  explicit RecordReader(std::span<const std::byte> bytes) : bytes_(bytes) {}

  template <typename T>
  T Take() {
    T value{};
    if (bytes_.size() < sizeof(T)) {
      ok_ = false;
      bytes_ = {};
      return value;
    }
    std::memcpy(&value, bytes_.data(), sizeof(T));
    bytes_ = bytes_.subspan(sizeof(T));
    return value;
  }
  std::span<const std::byte> TakeBytes(size_t size);
  bool ok() const { return ok_; }

 private:
  std::span<const std::byte> bytes_;
  bool ok_ = true;
};

// One thread.
class PerfEvent {
 public:
  static constexpr size_t kCollectedMaxBytes = size_t{512} << 20;

  // Opens `attributes` on `cpu`, not counting yet, timed by CLOCK_MONOTONIC. `ring_bytes` is
  // rounded up to what the kernel takes; 0 for one whose records go elsewhere (see WriteInto).
  // nullopt, with the reason and what would help in `why`, if the kernel refuses.
  static std::optional<PerfEvent> Open(const perf_event_attr& attributes, int cpu,
                                       size_t ring_bytes, std::string& why);
  PerfEvent(PerfEvent&& other) noexcept;
  PerfEvent& operator=(PerfEvent&&) = delete;
  ~PerfEvent();

  // From now on the records go into the ring of `other`, which is on the same CPU and outlives it.
  bool WriteInto(const PerfEvent& other, std::string& why);
  // Of a tracepoint: only what `filter`, as in its events/*/filter, lets through.
  bool Filter(const std::string& filter, std::string& why);
  void Enable();
  void Disable();

  // Makes room in the ring: what is there is kept until Drain(). From kCollectedMaxBytes on it
  // does nothing.
  void Collect();
  // Hands each record that was collected, or is in the ring, to `take(type, misc, body)`, in their
  // order; but for those about lost ones.
  template <typename Take>
  void Drain(const Take& take) {
    collected_.push_back(TakeRecords());
    collected_bytes_ = 0;
    for (auto& chunk : std::exchange(collected_, {})) {
      const std::vector<std::byte> records = std::move(chunk);  // none is kept for longer
      for (std::span<const std::byte> rest = records; !rest.empty();) {
        perf_event_header header;
        CHECK(rest.size() >= sizeof header);
        std::memcpy(&header, rest.data(), sizeof header);
        CHECK(header.size >= sizeof header && header.size <= rest.size());
        const auto body = rest.first(header.size).subspan(sizeof header);
        rest = rest.subspan(header.size);
        if (header.type == PERF_RECORD_LOST) {
          NoteLost(body);
        } else {
          take(header.type, header.misc, body);
        }
      }
    }
  }
  // How many of its records found no room in the ring, since it was opened or the last time. Before
  // Linux 6.0 only what Drain() came across: what is lost last is told of with the next record that
  // has room again, and those of all events that write into a ring count as its own.
  uint64_t TakeLost();

 private:
  PerfEvent(Fd fd, void* ring, size_t mapped_bytes, bool counts_lost)
      : fd_(std::move(fd)), ring_(ring), mapped_bytes_(mapped_bytes), counts_lost_(counts_lost) {}
  std::vector<std::byte> TakeRecords();
  void NoteLost(std::span<const std::byte> body);

  Fd fd_;
  void* ring_;  // a page of control, then the data; or null
  size_t mapped_bytes_;
  std::vector<std::vector<std::byte>> collected_;  // whole records each
  size_t collected_bytes_ = 0;
  bool counts_lost_;         // the kernel does, for each event
  uint64_t lost_ = 0;        // as far as is known
  uint64_t lost_taken_ = 0;  // of these
};

}  // namespace crossover
