// LoadFigures: what a verdict needs of crossover-load's result. Pure.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace crossover {

// Read once, so that a result of another shape is found before anything is concluded from it.
struct LoadFigures {
  int64_t asked = 0;
  int64_t established = 0;
  int64_t starved = 0;
  int64_t connect_failures = 0;
  int64_t errors = 0;
  int64_t scheduled = 0;
  int64_t verified = 0;
  int64_t verified_in_window = 0;
  int64_t in_flight_at_end = 0;
  int64_t not_sent = 0;          // shed, or not sent by the end
  int64_t request_failures = 0;  // of all kinds, of those sent
  // Of the outcomes above, those that are what overload looks like, and what an open loop is to
  // find out: shed, not sent, timed out, in flight at the end. 0 in a closed loop.
  int64_t overload_outcomes = 0;
  int64_t wrong = 0;           // whole responses that were not as they should be
  std::string failure_counts;  // "wrong_status 3, reset 9"
  bool closed_loop = false;
  bool open_loop = false;
  bool reconnects = false;          // connections are closed and made anew meanwhile
  std::optional<int64_t> active;    // connections with a request under way at a time; all
  int64_t reconnections_asked = 0;  // beside `asked`
  int64_t reconnections_made = 0;   // beside `established`
  bool stopped_early = false;
  double window_seconds = 0;
  double throughput_rps = 0;
  double offered_rps = 0;  // due in the window; of an open loop
  double latency_ns_mean = 0;
  double requests_under_way = 0;  // averaged over the window
  int64_t latency_count = 0;
  double jain_index = 0;
  int64_t slowest_requests = 0;
  size_t threads = 0;
  double busiest_thread = 0;  // share of the window that it ran, other than polling in vain
  double longest_waiting =
      0;  // share of it that a thread waited for its CPU; 0: none, or not known
  std::vector<double> interval_rates;
};

// Throws UsageError, naming the place, for what is no result of crossover-load's.
LoadFigures ReadLoad(const nlohmann::json& result);

// Adds "name 3" to a list of counts; 0 adds nothing.
void AddCount(std::string& text, std::string_view name, int64_t count);

}  // namespace crossover
