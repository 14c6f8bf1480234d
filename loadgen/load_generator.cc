#include "loadgen/load_generator.h"

#include <poll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <thread>

#include "base/check.h"
#include "base/clock.h"
#include "base/cpu_list.h"
#include "base/error.h"
#include "loadgen/interval_teller.h"
#include "loadgen/load_loop.h"
#include "loadgen/load_options.h"
#include "loadgen/run_state.h"
#include "loadgen/url.h"

namespace crossover {

RunState::RunState(std::optional<uint64_t> wanted)
    : requests_wanted(wanted), coordinator_wake(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (!coordinator_wake) ThrowErrno("eventfd");
}

void RunState::NotifyCoordinator() {
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t n = write(coordinator_wake.get(), &one, sizeof one);
}

namespace {

constexpr int64_t kIntervalsPerWindow = 20;
// Where the length of the window is not known: what the parts begin with, before they widen.
constexpr int64_t kIntervalWidthFirstNs = 100 * kNsPerUs;

// The threads of a run. Whatever happens, they are stopped and joined.
class Fleet {
 public:
  explicit Fleet(const LoopSetting& setting) : state_(setting.state) {
    const LoadOptions& options = setting.options;
    size_t first = 0;
    const auto share_of = [&](size_t all, size_t i) {
      return all / options.threads + (i < all % options.threads ? 1 : 0);
    };
    for (size_t i = 0; i < options.threads; ++i) {
      const size_t share = share_of(options.connections, i);
      loops_.push_back(
          std::make_unique<LoadLoop>(setting, first, share, share_of(options.active, i)));
      first += share;
    }
  }
  ~Fleet() { StopAndJoin(); }

  void Start(const std::vector<int>& cpus) {
    const std::vector<int> before = AllowedCpus();
    // A thread begins on the CPUs of the one that starts it: so it never runs elsewhere.
    for (size_t i = 0; i < loops_.size(); ++i) {
      if (!cpus.empty()) SetAffinity(0, {cpus[i % cpus.size()]});
      threads_.emplace_back(&LoadLoop::Run, loops_[i].get());
    }
    if (!cpus.empty()) SetAffinity(0, before);
  }

  void Wake() {
    for (const auto& loop : loops_) loop->Wake();
  }

  void StopAndJoin() {
    state_.phase.store(Phase::kStop);
    Wake();
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
  }

  const std::vector<std::unique_ptr<LoadLoop>>& loops() const { return loops_; }

 private:
  RunState& state_;
  std::vector<std::unique_ptr<LoadLoop>> loops_;
  std::vector<std::thread> threads_;
};

// Leads one run through its phases, on the caller's thread.
class Coordinator {
 public:
  // `start_ns`: when the fleet was started.
  Coordinator(int64_t start_ns, const LoopSetting& setting, const LoadControl& control,
              Fleet& fleet)
      : start_ns_(start_ns),
        options_(setting.options),
        control_(control),
        state_(setting.state),
        fleet_(fleet),
        intervals_(options_, control, state_, fleet.loops(), setting.followed) {}

  void Lead() {
    Connect();
    if (!stopped_ && state_.served.load() > 0 && MayBegin()) {
      control_.next_slice ? MeasureSlices() : Measure();
    } else {
      const int64_t now_ns = MonotonicNs();
      state_.window_start_ns = now_ns;
      state_.window_end_ns = now_ns;
      stopped_ = true;
    }
    fleet_.StopAndJoin();
    intervals_.TellRest();
  }

  bool stopped() const { return stopped_; }
  double connect_seconds() const { return connect_seconds_; }

 private:
  using Interval = LoadInterval::Phase;
  enum class Wait { kTrue, kDeadline, kStopped };

  // Waits until `condition` holds, the clock reaches `deadline_ns`, or the run is to stop (told
  // once).
  template <typename Condition>
  Wait WaitFor(int64_t deadline_ns, Condition condition) {
    while (true) {
      // The clock comes first: whoever wakes late must not take what came after for what came
      // early.
      const int64_t now_ns = MonotonicNs();
      if (now_ns >= deadline_ns) return Wait::kDeadline;
      if (intervals_.TellIfDue(now_ns, deadline_ns)) continue;
      if (condition()) return Wait::kTrue;
      const int64_t wake_ns = std::min(deadline_ns, intervals_.due_ns());
      const int64_t left_ns = std::min(wake_ns - now_ns, 3600 * kNsPerSecond);
      const timespec timeout{left_ns / kNsPerSecond, left_ns % kNsPerSecond};
      pollfd polled[2] = {{state_.coordinator_wake.get(), POLLIN, 0},
                          {stopped_ ? -1 : control_.stop_fd, POLLIN, 0}};
      ppoll(polled, 2, &timeout, nullptr);
      if (polled[1].revents != 0) {
        stopped_ = true;
        return Wait::kStopped;
      }
      uint64_t ignored = 0;
      if (polled[0].revents != 0) {
        [[maybe_unused]] const ssize_t n = read(polled[0].fd, &ignored, sizeof ignored);
      }
    }
  }

  bool AllConnected() const { return state_.loops_connected.load() == fleet_.loops().size(); }
  bool AllEnded() const { return state_.loops_ended.load() == fleet_.loops().size(); }

  void Tell(LoadEvent event) {
    if (control_.on_event) control_.on_event(event);
  }

  void Connect() {
    intervals_.Begin(Interval::kConnect, start_ns_);
    WaitFor(RunState::kNever, [&] { return AllConnected(); });
    const int64_t now_ns = MonotonicNs();
    connect_seconds_ = static_cast<double>(now_ns - start_ns_) / 1e9;
    if (stopped_) return;
    Tell({.kind = LoadEvent::Kind::kConnected,
          .time_ns = now_ns,
          .established = state_.established.load(),
          .served = state_.served.load(),
          .connect_seconds = connect_seconds_});
    intervals_.TellRest();
  }

  bool MayBegin() { return !control_.may_begin || control_.may_begin(); }

  void Measure() {
    const int64_t begin_ns = MonotonicNs();
    const int64_t start_ns = begin_ns + options_.warmup_ns;
    int64_t planned_end_ns = RunState::kNever;
    state_.begin_ns = begin_ns;
    state_.interval_width_ns = kIntervalWidthFirstNs;
    if (!options_.requests) {
      planned_end_ns = start_ns + options_.duration_ns;
      state_.interval_width_ns =
          (options_.duration_ns + kIntervalsPerWindow - 1) / kIntervalsPerWindow;
    }
    state_.window_end_ns = planned_end_ns;
    state_.window_start_ns = start_ns;
    state_.phase.store(Phase::kRun, std::memory_order_release);
    fleet_.Wake();
    Tell({.kind = LoadEvent::Kind::kWarming, .time_ns = begin_ns});
    intervals_.Begin(Interval::kWarmUp, begin_ns);

    if (WaitFor(start_ns, [&] { return AllEnded(); }) == Wait::kDeadline) {
      fleet_.Wake();  // also threads that get no response see the edge
      Tell({.kind = LoadEvent::Kind::kMeasuring, .time_ns = start_ns});
      if (options_.warmup_ns > 0) intervals_.TellRest();
      intervals_.Begin(Interval::kWindow, start_ns);
      WaitFor(planned_end_ns,
              [&] { return AllEnded() || state_.window_end_ns.load() != planned_end_ns; });
    }
    EndWindow(planned_end_ns);
    Tell({.kind = LoadEvent::Kind::kMeasured, .time_ns = state_.window_end_ns.load()});
    intervals_.TellRest();
    intervals_.Begin(Interval::kDrain, state_.window_end_ns.load());
    Drain();
  }

  void Drain() {
    const int64_t drained_ns = state_.window_end_ns.load() + options_.drain_timeout_ns;
    while (WaitFor(drained_ns, [&] { return AllEnded(); }) == Wait::kStopped) {
    }
  }

  void MeasureSlices() {
    state_.begin_ns = MonotonicNs();
    state_.interval_width_ns = kIntervalWidthFirstNs;
    state_.slice_end_ns = state_.begin_ns;
    state_.window_start_ns = state_.begin_ns;
    state_.phase.store(Phase::kRun, std::memory_order_release);
    fleet_.Wake();
    bool goes_on = true;
    while (goes_on) {
      const std::optional<SliceOrder> order = control_.next_slice();
      if (!order) break;
      goes_on = RunSlice(*order);
    }
    pollfd stop = {control_.stop_fd, POLLIN, 0};
    if (!goes_on || poll(&stop, 1, 0) > 0) stopped_ = true;
    state_.window_end_ns = MonotonicNs();
    fleet_.Wake();
    Drain();
  }

  // False if the run is to stop, or no connection is left.
  bool RunSlice(const SliceOrder& order) {
    const int64_t begin_ns = MonotonicNs();
    const int64_t over_ns = begin_ns + order.duration_ns;
    state_.slice_end_ns = over_ns + order.tail_ns;
    const uint32_t slices = state_.slices_begun.fetch_add(1, std::memory_order_release) + 1;
    fleet_.Wake();
    const auto ended = [&] { return AllEnded(); };
    if (WaitFor(begin_ns + order.settle_ns, ended) != Wait::kDeadline) return false;
    TellSlice(LoadEvent::Kind::kSliceSettled);
    if (WaitFor(over_ns, ended) != Wait::kDeadline) return false;
    TellSlice(LoadEvent::Kind::kSliceOver);
    if (control_.await_drain && control_.await_drain(state_.slice_end_ns)) {
      state_.slice_end_ns = std::min(state_.slice_end_ns.load(), MonotonicNs());
    } else if (WaitFor(state_.slice_end_ns, ended) != Wait::kDeadline) {
      return false;
    }
    fleet_.Wake();  // also threads that get no response see the end
    if (WaitFor(RunState::kNever, [&] { return AllDrained(slices); }) != Wait::kTrue) return false;
    TellSlice(LoadEvent::Kind::kSliceDrained);
    return !AllEnded();
  }

  bool AllDrained(uint32_t slices) const {
    return std::ranges::all_of(fleet_.loops(), [&](const auto& loop) {
      return loop->slices().drained.load(std::memory_order_acquire) >= slices;
    });
  }

  void TellSlice(LoadEvent::Kind kind) {
    LoadEvent event{.kind = kind, .time_ns = MonotonicNs()};
    for (const auto& loop : fleet_.loops()) {
      event.verified += loop->slices().verified.load(std::memory_order_relaxed);
      event.errors += loop->slices().errors.load(std::memory_order_relaxed);
    }
    Tell(event);
  }

  // The window has ended, as planned or with the last request wanted; or it ends now, by a signal
  // or because no connection is left.
  void EndWindow(int64_t planned_end_ns) {
    const int64_t now_ns = MonotonicNs();
    if (now_ns < planned_end_ns &&
        state_.window_end_ns.compare_exchange_strong(planned_end_ns, now_ns)) {
      stopped_ = true;
      // The end is set first: with an open end, a thread could count in a window that is none.
      if (state_.window_start_ns.load() > now_ns) state_.window_start_ns = now_ns;
    }
    fleet_.Wake();
  }

  const int64_t start_ns_;
  const LoadOptions& options_;
  const LoadControl& control_;
  RunState& state_;
  Fleet& fleet_;
  IntervalTeller intervals_;
  bool stopped_ = false;
  double connect_seconds_ = 0;
};

void Collect(const Fleet& fleet, LoadResult& result) {
  IntervalCounts intervals;
  for (const auto& loop : fleet.loops()) {
    const LoopTally& tally = loop->tally();
    result.ledger.Merge(tally.ledger);
    result.fairness.Merge(tally.fairness);
    result.latency.Merge(tally.latency);
    result.service.Merge(tally.service);
    result.lag.Merge(tally.lag);
    result.connect.Merge(tally.connect);
    result.reconnect.Merge(tally.reconnect);
    result.window_by_target.resize(tally.window_by_target.size());
    for (size_t i = 0; i < tally.window_by_target.size(); ++i) {
      result.window_by_target[i] += tally.window_by_target[i];
    }
    result.under_way_ns += tally.under_way_ns;
    // Cut short in the warm-up, the window is empty and its start differs from thread to thread.
    if (result.window_seconds() > 0) intervals.Merge(tally.intervals);
    result.trace.insert(result.trace.end(), tally.trace.begin(), tally.trace.end());
    result.threads.push_back(tally.cpu);
    result.sent_bytes += tally.sent_bytes;
    result.received_bytes += tally.received_bytes;
    result.verified_fast += tally.verified_fast;
    result.verified_full += tally.verified_full;
  }
  const double seconds = result.window_seconds();
  for (ThreadCpu& thread : result.threads) {
    const double working = thread.cpu_seconds - thread.polling_seconds;
    thread.utilization = seconds > 0 ? working / seconds : 0;
  }
  result.intervals = intervals.Whole(result.window_end_ns);
  CHECK(result.ledger.Closes());
  CHECK(result.ledger.connections.asked == result.options.connections);
  CHECK(result.fairness.connections == result.ledger.connections.established);
  CHECK(result.options.schedule.open() ||
        result.latency.count() == result.ledger.requests.verified_in_window);
  CHECK(result.verified_fast + result.verified_full == result.ledger.requests.verified);
}

}  // namespace

LoadResult Run(const LoadOptions& options, const LoadControl& control) {
  CheckOptions(options);
  if (control.next_slice) CheckSliced(options);
  const Url url = ParseUrl(options.url);
  const SocketAddress address = Resolve(url);
  const RequestMix mix(url.authority, TargetsOf(options, url), options.schedule.seed);
  EnsureItFits(options, address, mix);
  const EngineChoice engine = ChooseEngine(options.engine);
  const Schedule schedule(options.schedule, options.connections);

  std::vector<LearnedResponse> learned(mix.kinds());
  RunState state(options.requests);
  const LoopSetting setting{.options = options,
                            .address = address,
                            .mix = mix,
                            .schedule = schedule,
                            .engine = engine.kind,
                            .sources = SourcesOf(options),
                            .learned = learned,
                            .state = state,
                            .followed = options.interval_ns > 0 && control.on_interval};
  Fleet fleet(setting);
  const int64_t start_ns = MonotonicNs();
  fleet.Start(options.cpus);
  Coordinator coordinator(start_ns, setting, control, fleet);
  coordinator.Lead();

  LoadResult result;
  result.options = options;
  result.address = address.ToText();
  result.engine = engine;
  result.window_start_ns = state.window_start_ns.load();
  result.window_end_ns = state.window_end_ns.load();
  result.connect_seconds = coordinator.connect_seconds();
  result.stopped_early = coordinator.stopped();
  Collect(fleet, result);
  return result;
}

}  // namespace crossover
