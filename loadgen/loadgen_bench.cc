#include <benchmark/benchmark.h>

#include <random>
#include <vector>

#include "loadgen/histogram.h"
#include "loadgen/response_check.h"
#include "loadgen/schedule.h"
#include "loadgen/timer_queue.h"

namespace crossover {
namespace {

void RecordInHistogram(benchmark::State& state) {
  std::mt19937_64 random(1);
  std::lognormal_distribution<double> latency(13, 1);
  std::vector<int64_t> values(4096);
  for (int64_t& value : values) value = static_cast<int64_t>(latency(random));
  Histogram histogram;
  size_t i = 0;
  for (auto _ : state) histogram.Record(values[i++ % values.size()]);
  benchmark::DoNotOptimize(histogram.count());
}
BENCHMARK(RecordInHistogram);

std::string Response(const char* extra, const char* date) {
  return std::string("HTTP/1.1 200 OK\r\nServer: crossover\r\n") + extra + "Date: " + date +
         "\r\nContent-Type: text/plain\r\nContent-Length: 10\r\n\r\nCrossover\n";
}

// Responses alternate between `first` and `second`; the template is the plain one.
void Check(benchmark::State& state, const std::string& first, const std::string& second) {
  LearnedResponse learned;
  ResponseCheck check(learned, false, std::nullopt);
  ResponseProgress progress;
  check.Feed(progress, Response("", "Sun, 22 Nov 2026 22:00:00 GMT"));
  bool odd = false;
  for (auto _ : state) {
    benchmark::DoNotOptimize(check.Feed(progress, odd ? first : second));
    odd = !odd;
  }
  state.counters["fast"] = static_cast<double>(check.fast_count());
  state.counters["full"] = static_cast<double>(check.full_count());
}

void CheckFast(benchmark::State& state) {
  const std::string same = Response("", "Sun, 22 Nov 2026 22:00:00 GMT");
  Check(state, same, same);
}
BENCHMARK(CheckFast);

void CheckFastNewDate(benchmark::State& state) {
  Check(state, Response("", "Sun, 22 Nov 2026 22:00:01 GMT"),
        Response("", "Sun, 22 Nov 2026 22:00:02 GMT"));
}
BENCHMARK(CheckFastNewDate);

void CheckFull(benchmark::State& state) {
  const std::string other = Response("X-Other: 1\r\n", "Sun, 22 Nov 2026 22:00:00 GMT");
  Check(state, other, other);
}
BENCHMARK(CheckFull);

// The next of so many timers expires and is set again, as for each request of an open schedule.
void ExpireAndSetTimer(benchmark::State& state) {
  std::mt19937_64 random(1);
  TimerQueue timers;
  timers.Reserve(static_cast<size_t>(state.range(0)));
  for (uint32_t i = 0; i < state.range(0); ++i) {
    timers.Push(static_cast<int64_t>(random() % 1'000'000'000), i);
  }
  for (auto _ : state) {
    const TimerQueue::Timer first = timers.First();
    timers.Pop();
    timers.Push(first.due_ns + 1'000'000'000, first.index);
  }
}
BENCHMARK(ExpireAndSetTimer)->Arg(64)->Arg(1024)->Arg(16'384);

// So many timers are set, in no order, and then expire one after the other, as at the begin and the
// end of a run.
void InsertAndExpireTimers(benchmark::State& state) {
  std::mt19937_64 random(1);
  std::vector<int64_t> due_ns(static_cast<size_t>(state.range(0)));
  for (int64_t& each : due_ns) each = static_cast<int64_t>(random() % 1'000'000'000);
  TimerQueue timers;
  timers.Reserve(due_ns.size());
  for (auto _ : state) {
    for (uint32_t i = 0; i < due_ns.size(); ++i) timers.Push(due_ns[i], i);
    while (!timers.empty()) {
      benchmark::DoNotOptimize(timers.First().index);
      timers.Pop();
    }
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(InsertAndExpireTimers)->Arg(64)->Arg(1024)->Arg(16'384);

// When the next request of one of 64 connections is due. The first 4,096 of it, again and again,
// all lie within the ramp.
void DueTime(benchmark::State& state, const char* rate, ScheduleOptions::Arrivals arrivals) {
  const Schedule schedule({.rate = ParseRate(rate), .arrivals = arrivals}, 64);
  double position = 0;
  uint64_t k = 0;
  for (auto _ : state) {
    position = schedule.Position(7, k, position);
    benchmark::DoNotOptimize(schedule.DueNs(position));
    k = (k + 1) % 4096;
    if (k == 0) position = 0;
  }
}
BENCHMARK_CAPTURE(DueTime, constant, "5000", ScheduleOptions::Arrivals::kConstant);
BENCHMARK_CAPTURE(DueTime, constant_ramp, "1000-5000@10m", ScheduleOptions::Arrivals::kConstant);
BENCHMARK_CAPTURE(DueTime, poisson, "5000", ScheduleOptions::Arrivals::kPoisson);
BENCHMARK_CAPTURE(DueTime, poisson_ramp, "1000-5000@10m", ScheduleOptions::Arrivals::kPoisson);

}  // namespace
}  // namespace crossover
