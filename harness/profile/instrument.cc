#include "harness/profile/instrument.h"

#include <algorithm>
#include <iterator>
#include <optional>

#include "base/check.h"
#include "base/clock.h"
#include "harness/profile/cpu_sampler.h"
#include "harness/profile/frame_classes.h"
#include "harness/profile/server_trace.h"
#include "harness/profile/stacks.h"
#include "harness/profile/switch_tracer.h"
#include "harness/profile/system_call_names.h"

namespace crossover {
namespace {

using nlohmann::json;

constexpr const char* kNoKernelNames =
    "/proc/kallsyms hides the kernel's addresses; run as root, or set the sysctl "
    "kernel.kptr_restrict to 0";

class ProfileInstrument : public Instrument {
 public:
  std::string Open(const InstrumentTarget& target) override {
    std::string why;
    const double seconds =
        static_cast<double>(target.settings.duration_ns) / static_cast<double>(kNsPerSecond);
    sampler_ =
        CpuSampler::Open(target.server_cpus, target.settings.samples_per_second, seconds, why);
    if (!sampler_) return why;
    // Now, and not in the end: the server may be gone then.
    symbols_.emplace(target.server_pid);
    return symbols_->has_kernel_names() ? "" : kNoKernelNames;
  }

  void Enable() override { sampler_->Enable(); }
  void Disable() override { sampler_->Disable(); }

  Findings Finish(const std::vector<pid_t>& server,
                  const std::vector<InstrumentSlice>& /*slices*/) override {
    const StackSamples samples = sampler_->Take(server);
    return {.record = {{"samples", samples.samples},
                       {"samples_of_others", samples.others},
                       {"samples_lost", samples.lost},
                       {"period_ns", samples.period_ns}},
            .file_suffix = ".folded",
            .file_text = ToFolded(NameStacks(samples, *symbols_))};
  }

 private:
  std::optional<CpuSampler> sampler_;
  std::optional<Symbols> symbols_;
};

// Four buckets for each doubling, named by their upper edge: enough for a distribution's picture.
json Histogram(const std::vector<int64_t>& sorted_ns) {
  json buckets = json::array();
  double edge_ns = 250;
  for (size_t i = 0; i < sorted_ns.size();) {
    uint64_t count = 0;
    while (i < sorted_ns.size() && static_cast<double>(sorted_ns[i]) <= edge_ns) {
      ++i;
      ++count;
    }
    if (count > 0) buckets.push_back({static_cast<int64_t>(edge_ns), count});
    edge_ns *= 1.189207115002721;  // the fourth root of 2
  }
  return buckets;
}

json RunQueueToJson(TraceSums& sums) {
  std::vector<int64_t>& run_queue_ns = sums.run_queue_ns;
  json out = {{"count", run_queue_ns.size()}, {"still_waiting", sums.still_waiting}};
  for (const auto& [name, q] :
       {std::pair{"p50", 0.5}, std::pair{"p90", 0.9}, std::pair{"p99", 0.99},
        std::pair{"p999", 0.999}, std::pair{"max", 1.0}}) {
    const auto wait_ns = QuantileNs(run_queue_ns, sums.still_waiting, q);
    out[name] = wait_ns ? json(*wait_ns) : json(nullptr);
  }
  out["histogram"] = Histogram(run_queue_ns);  // QuantileNs has sorted them
  return out;
}

class TraceInstrument : public Instrument {
 public:
  std::string Open(const InstrumentTarget& target) override {
    std::string why;
    tracer_ = SwitchTracer::Open(target.server_pid, target.server_cpus, target.client_cpus, why);
    if (!tracer_) return why;
    symbols_.emplace(target.server_pid);
    return symbols_->has_kernel_names() ? "" : kNoKernelNames;
  }

  bool in_turns() const override { return false; }
  void Enable() override { tracer_->Enable(); }
  void Disable() override { tracer_->Disable(); }
  void Collect() override { tracer_->Collect(); }

  Findings Finish(const std::vector<pid_t>& server,
                  const std::vector<InstrumentSlice>& slices) override {
    const SwitchTracer::Recorded recorded = tracer_->Take(server);
    if (recorded.foreign_numbers) {
      return {.record = {{"unavailable",
                          "tracepoints number threads otherwise than /proc does here: run outside "
                          "of the container"}},
              .file_suffix = {},
              .file_text = {}};
    }
    TraceSums sums;
    double requests = 0;
    for (const InstrumentSlice& slice : slices) requests += slice.requests;
    if (!slices.empty()) {  // they are one stretch
      const TraceStretch stretch = {slices.front().begin_ns, slices.back().end_ns};
      const auto in_time = [&](const TraceEvent& event) {
        return event.time_ns >= stretch.begin_ns && event.time_ns < stretch.end_ns;
      };
      std::vector<TraceEvent> events;
      std::ranges::copy_if(recorded.events, std::back_inserter(events), in_time);
      AddEvents(events, stretch, sums);
    }
    return {.record = ToRecord(recorded, sums, requests), .file_suffix = {}, .file_text = {}};
  }

 private:
  json ToRecord(const SwitchTracer::Recorded& recorded, TraceSums& sums, double requests) const {
    json calls = json::object();
    for (const auto& [number, count] : sums.system_calls) calls[SystemCallName(number)] = count;
    json waits = json::array();
    for (const auto& [events, count] : sums.waits_by_events) waits.push_back({events, count});
    return {{"requests", requests},
            {"events", recorded.events.size()},
            {"events_lost", recorded.lost},
            {"switches", sums.switches},
            {"preemptions", sums.preemptions},
            {"wakings", sums.wakings},
            {"wakings_across_cpus", sums.wakings_across_cpus},
            {"run_queue_ns", RunQueueToJson(sums)},
            {"off_cpu", OffCpu(recorded, sums)},
            {"off_cpu_cut_ns", sums.off_cpu_cut_ns},
            {"system_calls", calls},
            {"epoll_waits_by_events", waits}};
  }

  // How long threads were off the CPU, by the class of what they had called; `preempted`: they did
  // not block.
  json OffCpu(const SwitchTracer::Recorded& recorded, const TraceSums& sums) const {
    json by_class = json::object();
    const FrameClasses& classes = BuiltInFrameClasses();
    for (const auto& [number, ns] : sums.off_cpu_ns) {
      Stack stack;
      for (const uint64_t address : recorded.stacks[number]) {
        stack.insert(stack.begin(), Frame{symbols_->KernelName(address - 1), true});
      }
      const std::string name = number == kPreempted
                                   ? "preempted"
                                   : classes.classes()[classes.ClassBelow(stack, "scheduler")].name;
      json& entry = by_class[name];
      if (entry.is_null()) entry = {{"ns", 0}, {"count", 0}};
      entry["ns"] = entry["ns"].get<int64_t>() + ns;
      entry["count"] = entry["count"].get<uint64_t>() + sums.off_cpu_count.at(number);
    }
    return by_class;
  }

  std::optional<SwitchTracer> tracer_;
  std::optional<Symbols> symbols_;
};

}  // namespace

std::unique_ptr<Instrument> MakeInstrument(Pass pass) {
  CHECK(pass != Pass::kThroughput);
  if (pass == Pass::kProfile) return std::make_unique<ProfileInstrument>();
  return std::make_unique<TraceInstrument>();
}

json ToJson(const InstrumentSlice& slice) {
  return {{"on", slice.on},
          {"counters", slice.counters},
          {"seconds", static_cast<double>(slice.end_ns - slice.begin_ns) / 1e9},
          {"cpu_ns", slice.cpu_ns < 0 ? json(nullptr) : json(slice.cpu_ns)},
          {"requests", slice.requests}};
}

}  // namespace crossover
