// Schedule: when each request of each connection is due. Pure; the same seed gives the same times.
//
// Closed: a connection's next request is due when its last response is there, or a think time
// later. Open: requests arrive whether or not earlier ones are answered. Arrivals are spread over
// the connections in turn, so that no two are due at once.
//
// Open schedules are a process of unit rate that is bent by a rate profile: the j-th arrival is due
// when the profile's integral reaches j (Çinlar, "Introduction to Stochastic Processes", 1975, on
// the time change of Poisson processes). For constant spacing that is a closed form of j.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace crossover {

// A stretch of the rate profile: requests per second, from `from_rps` evenly to `to_rps`.
struct RateStep {
  double from_rps = 0;
  double to_rps = 0;
  int64_t duration_ns = 0;  // 0: to the end; the last one only
};

struct ScheduleOptions {
  enum class Arrivals { kConstant, kPoisson };
  std::vector<RateStep> rate;  // over all connections; empty: closed
  Arrivals arrivals = Arrivals::kConstant;
  int64_t think_ns = 0;  // closed only; mean if exponential
  bool think_exponential = false;
  uint64_t seed = 1;

  bool open() const { return !rate.empty(); }
};

// "5000" requests per second; "1000@10s,2000@10s" in steps; "1000-5000@20s" a ramp. The last part
// lasts to the end, and needs no duration unless it is a ramp; after a ramp its last rate goes on.
// Throws UsageError.
std::vector<RateStep> ParseRate(std::string_view text);

// One thread. Shared by all connections of one.
class Schedule {
 public:
  // `connections` is the number over all threads.
  Schedule(const ScheduleOptions& options, size_t connections);

  bool open() const { return options_.open(); }
  // Whether requests may be due later than when their connection is free for them.
  bool paced() const { return open() || options_.think_ns > 0; }

  // Position in the unit-rate process of request k (from 0) of connection i. `previous` is that of
  // request k-1 and unused for k = 0. Open only.
  double Position(uint64_t i, uint64_t k, double previous) const;
  // Nanoseconds after the begin of the run at which the profile's integral reaches `position`.
  int64_t DueNs(double position) const;

  // What connection i waits before its request k; 0 without think times. Fixed ones begin spread
  // over one think time, so that connections don't go in step. Closed only.
  int64_t ThinkNs(uint64_t i, uint64_t k) const;

 private:
  struct Piece {
    double begin_s;
    double begin_position;
    double rate;   // at the begin
    double slope;  // of the rate, per second
    double end_position;
  };

  const ScheduleOptions options_;
  const double connections_;
  std::vector<Piece> pieces_;
};

}  // namespace crossover
