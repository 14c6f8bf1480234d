#include "harness/profile/cpu_sampler.h"

#include <algorithm>

#include "base/clock.h"

namespace crossover {
namespace {

// A sample is a header and some words, and 8 bytes for each frame; few chains are longer.
constexpr double kBytesPerSample = 512;
constexpr size_t kRingBytesMax = size_t{64} << 20;

// Follows PERF_SAMPLE_TID | PERF_SAMPLE_CALLCHAIN.
void TakeSample(RecordReader record, const std::vector<pid_t>& server, StackSamples& out) {
  const auto pid = static_cast<pid_t>(record.Take<uint32_t>());
  record.Take<uint32_t>();  // the thread
  const auto depth = record.Take<uint64_t>();
  AddressStack stack;
  std::vector<uint64_t>* part = nullptr;
  for (uint64_t i = 0; i < depth && record.ok(); ++i) {
    const auto address = record.Take<uint64_t>();
    if (address >= PERF_CONTEXT_MAX) {  // no address: what follows is of another context
      part = address == PERF_CONTEXT_KERNEL ? &stack.kernel
             : address == PERF_CONTEXT_USER ? &stack.user
                                            : nullptr;
    } else if (part != nullptr) {
      part->push_back(address);
    }
  }
  if (!record.ok() || !std::ranges::binary_search(server, pid)) {
    ++out.others;
    return;
  }
  ++out.samples;
  ++out.stacks[std::move(stack)];
}

}  // namespace

std::optional<CpuSampler> CpuSampler::Open(const std::vector<int>& cpus, int64_t per_second,
                                           double seconds, std::string& why) {
  CpuSampler sampler(kNsPerSecond / per_second);
  perf_event_attr attr{};
  attr.type = PERF_TYPE_SOFTWARE;
  attr.config = PERF_COUNT_SW_CPU_CLOCK;
  attr.sample_period = static_cast<uint64_t>(sampler.period_ns_);
  attr.sample_type = PERF_SAMPLE_TID | PERF_SAMPLE_CALLCHAIN;
  attr.exclude_idle = 1;
  const auto bytes = std::min(kRingBytesMax, static_cast<size_t>(kBytesPerSample * seconds *
                                                                 static_cast<double>(per_second)));
  for (const int cpu : cpus) {
    auto event = PerfEvent::Open(attr, cpu, bytes, why);
    if (!event) return std::nullopt;
    sampler.events_.push_back(std::move(*event));
  }
  return sampler;
}

void CpuSampler::Enable() {
  for (PerfEvent& event : events_) event.Enable();
}

void CpuSampler::Disable() {
  for (PerfEvent& event : events_) event.Disable();
}

StackSamples CpuSampler::Take(const std::vector<pid_t>& server) {
  StackSamples out{.period_ns = period_ns_};
  for (PerfEvent& event : events_) {
    event.Drain([&](uint32_t type, uint16_t /*misc*/, std::span<const std::byte> body) {
      if (type == PERF_RECORD_SAMPLE) TakeSample(RecordReader(body), server, out);
    });
    out.lost += event.TakeLost();
  }
  return out;
}

}  // namespace crossover
