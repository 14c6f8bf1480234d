#include "harness/profile/switch_tracer.h"

#include <sys/syscall.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <set>
#include <system_error>
#include <unordered_set>
#include <utility>

#include "harness/probe.h"

namespace crossover {
namespace {

// A busy CPU writes 25 to 45 MB a second, of which Collect() takes a quarter at a time.
constexpr size_t kServerRingBytes = size_t{64} << 20;
constexpr size_t kClientRingBytes = size_t{16} << 20;

// All that wait for events by epoll, by number.
std::string EpollWaitFilter() {
  std::string filter;
  for (const long number : {
#ifdef SYS_epoll_wait
           long{SYS_epoll_wait},
#endif
           long{SYS_epoll_pwait}, long{SYS_epoll_pwait2}}) {
    filter += (filter.empty() ? "id == " : " || id == ") + std::to_string(number);
  }
  return filter;
}

void AddThreadsOf(pid_t pid, std::unordered_set<pid_t>& threads) {
  std::error_code error;  // one that has ended has none
  for (std::filesystem::directory_iterator task("/proc/" + std::to_string(pid) + "/task", error),
       end;
       !error && task != end; task.increment(error)) {
    threads.insert(std::atoi(task->path().filename().c_str()));
  }
}

}  // namespace

struct SwitchTracer::Reading {
  Recorded recorded{.events = {}, .stacks = {{}}, .lost = 0};  // number 0: preempted
  std::map<std::vector<uint64_t>, uint32_t> numbers;
  std::unordered_set<pid_t> threads;  // of the server
};

std::optional<SwitchTracer::Points> SwitchTracer::FindPoints(std::string& why) {
  auto waking = Tracepoint::Find("sched", "sched_waking", why);
  auto sched_switch = waking ? Tracepoint::Find("sched", "sched_switch", why) : std::nullopt;
  auto enter = sched_switch ? Tracepoint::Find("raw_syscalls", "sys_enter", why) : std::nullopt;
  auto exit = enter ? Tracepoint::Find("raw_syscalls", "sys_exit", why) : std::nullopt;
  if (!exit) return std::nullopt;
  for (const auto& [point, field] :
       {std::pair{&*waking, "pid"}, std::pair{&*waking, "comm"},
        std::pair{&*sched_switch, "prev_pid"}, std::pair{&*sched_switch, "prev_comm"},
        std::pair{&*sched_switch, "prev_state"}, std::pair{&*sched_switch, "next_pid"},
        std::pair{&*sched_switch, "next_comm"}, std::pair{&*enter, "id"}, std::pair{&*exit, "id"},
        std::pair{&*exit, "ret"}}) {
    if (point->Has(field)) continue;
    why = std::string("this kernel's tracepoints have no field ") + field;
    return std::nullopt;
  }
  return Points{std::move(*waking), std::move(*sched_switch), std::move(*enter), std::move(*exit)};
}

std::optional<SwitchTracer> SwitchTracer::Open(pid_t pid, const std::vector<int>& server_cpus,
                                               const std::vector<int>& client_cpus,
                                               std::string& why) {
  auto points = FindPoints(why);
  if (!points) return std::nullopt;
  auto comm = ReadSmallFile("/proc/" + std::to_string(pid) + "/comm", why);
  if (!comm) return std::nullopt;
  comm->erase(std::min(comm->find('\n'), comm->size()));
  if (comm->find('"') != std::string::npos) {
    why = "the server's name has a quotation mark";
    return std::nullopt;
  }
  SwitchTracer tracer(std::move(*points), std::move(*comm), pid);
  const std::set<int> of_server(server_cpus.begin(), server_cpus.end());
  std::set<int> all = of_server;
  all.insert(client_cpus.begin(), client_cpus.end());
  for (const int cpu : all) {
    if (!tracer.OpenOn(cpu, of_server.contains(cpu), why)) return std::nullopt;
  }
  return tracer;
}

bool SwitchTracer::OpenOn(int cpu, bool of_server, std::string& why) {
  perf_event_attr attr{};
  attr.type = PERF_TYPE_SOFTWARE;
  attr.config = PERF_COUNT_SW_DUMMY;
  attr.sample_period = 1;
  attr.sample_type = PERF_SAMPLE_TID | PERF_SAMPLE_TIME | PERF_SAMPLE_CPU | PERF_SAMPLE_CALLCHAIN |
                     PERF_SAMPLE_RAW;
  auto ring = PerfEvent::Open(attr, cpu, of_server ? kServerRingBytes : kClientRingBytes, why);
  if (!ring) return false;
  rings_.push_back(events_.size());
  events_.push_back(std::move(*ring));
  const std::string is_server = " == \"" + comm_ + "\"";
  if (!AddPoint(points_.waking, "comm" + is_server, false, cpu, why)) return false;
  if (!of_server) return true;
  return AddPoint(points_.sched_switch, "prev_comm" + is_server + " || next_comm" + is_server, true,
                  cpu, why) &&
         AddPoint(points_.sys_enter, "", false, cpu, why) &&
         AddPoint(points_.sys_exit, EpollWaitFilter(), false, cpu, why);
}

// Records of one layout in all, so that one reader fits: a chain that isn't wanted is empty.
bool SwitchTracer::AddPoint(const Tracepoint& point, const std::string& filter, bool with_stack,
                            int cpu, std::string& why) {
  perf_event_attr attr{};
  attr.type = PERF_TYPE_TRACEPOINT;
  attr.config = point.id();
  attr.sample_period = 1;
  attr.sample_type = PERF_SAMPLE_TID | PERF_SAMPLE_TIME | PERF_SAMPLE_CPU | PERF_SAMPLE_CALLCHAIN |
                     PERF_SAMPLE_RAW;
  attr.exclude_callchain_user = 1;
  attr.exclude_callchain_kernel = with_stack ? 0 : 1;
  auto event = PerfEvent::Open(attr, cpu, 0, why);
  if (!event || !event->WriteInto(events_[rings_.back()], why)) return false;
  if (!filter.empty() && !event->Filter(filter, why)) return false;
  events_.push_back(std::move(*event));
  return true;
}

void SwitchTracer::Enable() {
  AddThreadsOf(pid_, threads_);  // once the load is over, those of its connections may have ended
  for (PerfEvent& event : events_) event.Enable();
}

void SwitchTracer::Disable() {
  for (PerfEvent& event : events_) event.Disable();
}

void SwitchTracer::Read(std::span<const std::byte> body, const std::vector<pid_t>& server,
                        Reading& reading) const {
  RecordReader record(body);
  const auto process = static_cast<pid_t>(record.Take<uint32_t>());
  TraceEvent event{.of_server = std::ranges::binary_search(server, process)};
  event.thread = static_cast<pid_t>(record.Take<uint32_t>());
  if (event.of_server) reading.threads.insert(event.thread);
  event.time_ns = record.Take<int64_t>();
  event.cpu = static_cast<int>(record.Take<uint32_t>());
  record.Take<uint32_t>();
  std::vector<uint64_t> stack;
  for (uint64_t left = record.Take<uint64_t>(); left > 0 && record.ok(); --left) {
    const auto address = record.Take<uint64_t>();
    if (address < PERF_CONTEXT_MAX) stack.push_back(address);
  }
  const auto raw = record.TakeBytes(record.Take<uint32_t>());
  if (!record.ok() || raw.size() < sizeof(uint16_t)) return;
  uint16_t type = 0;
  std::memcpy(&type, raw.data(), sizeof type);
  if (type == points_.waking.id()) {
    event.kind = TraceEvent::Kind::kWaking;
    event.thread = static_cast<pid_t>(points_.waking.Integer(raw, "pid"));
  } else if (type == points_.sched_switch.id()) {
    const Tracepoint& point = points_.sched_switch;
    event.kind = TraceEvent::Kind::kSwitch;
    const auto leaves = static_cast<pid_t>(point.Integer(raw, "prev_pid"));
    // One that has ended has no number any more.
    if (event.thread > 0 && leaves != event.thread) reading.recorded.foreign_numbers = true;
    event.next = static_cast<pid_t>(point.Integer(raw, "next_pid"));
    // The states in which a thread blocks are in the low byte; none of them: it was preempted.
    event.preempted = (point.Integer(raw, "prev_state") & 0xff) == 0;
    const auto next_number = static_cast<uint32_t>(reading.recorded.stacks.size());
    const auto [known, is_new] = reading.numbers.try_emplace(std::move(stack), next_number);
    if (is_new) reading.recorded.stacks.push_back(known->first);
    event.stack = known->second;
  } else {
    const bool enters = type == points_.sys_enter.id();
    const Tracepoint& point = enters ? points_.sys_enter : points_.sys_exit;
    event.kind = enters ? TraceEvent::Kind::kSystemCall : TraceEvent::Kind::kSystemCallEnd;
    event.number = point.Integer(raw, "id");
    if (!enters) event.result = point.Integer(raw, "ret");
  }
  reading.recorded.events.push_back(event);
}

void SwitchTracer::Collect() {
  for (const size_t ring : rings_) events_[ring].Collect();
}

SwitchTracer::Recorded SwitchTracer::Take(const std::vector<pid_t>& server) {
  Reading reading;
  Recorded& recorded = reading.recorded;
  reading.threads = threads_;
  for (const pid_t pid : server) AddThreadsOf(pid, reading.threads);
  for (const size_t ring : rings_) {
    events_[ring].Drain([&](uint32_t type, uint16_t /*misc*/, std::span<const std::byte> body) {
      if (type == PERF_RECORD_SAMPLE) Read(body, server, reading);
    });
  }
  for (PerfEvent& event : events_) recorded.lost += event.TakeLost();
  std::ranges::stable_sort(recorded.events, {}, &TraceEvent::time_ns);
  // Who is woken and who comes upon a CPU is told by the thread's number only; by the name others
  // may go as well. It is the server's if it is there now, or was seen on a CPU.
  for (TraceEvent& event : recorded.events) {
    if (event.kind == TraceEvent::Kind::kWaking) {
      event.of_server = reading.threads.contains(event.thread);
    }
    if (event.kind == TraceEvent::Kind::kSwitch) {
      event.next_of_server = reading.threads.contains(event.next);
    }
  }
  return std::move(reading.recorded);
}

}  // namespace crossover
