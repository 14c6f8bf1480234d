#include <algorithm>

#include "loadgen/load_generator.h"

namespace crossover {

void Fairness::Add(uint64_t requests, bool asked) {
  slowest_requests = connections == 0 ? requests : std::min(slowest_requests, requests);
  fastest_requests = std::max(fastest_requests, requests);
  ++connections;
  if (requests > 0) {
    ++served;
  } else if (!asked) {
    ++unasked;
  }
  const auto value = static_cast<double>(requests);
  sum += value;
  sum_of_squares += value * value;
}

void Fairness::Merge(const Fairness& other) {
  if (other.connections == 0) return;
  slowest_requests = connections == 0 ? other.slowest_requests
                                      : std::min(slowest_requests, other.slowest_requests);
  fastest_requests = std::max(fastest_requests, other.fastest_requests);
  connections += other.connections;
  served += other.served;
  unasked += other.unasked;
  sum += other.sum;
  sum_of_squares += other.sum_of_squares;
}

double Fairness::jain_index() const {
  if (sum_of_squares == 0) return 0;
  return sum * sum / (static_cast<double>(connections - unasked) * sum_of_squares);
}

double LoadInterval::throughput_rps() const {
  return seconds > 0 ? static_cast<double>(verified) / seconds : 0;
}

double LoadResult::window_seconds() const {
  return static_cast<double>(window_end_ns - window_start_ns) / 1e9;
}

double LoadResult::throughput_rps() const {
  const double seconds = window_seconds();
  return seconds > 0 ? static_cast<double>(ledger.requests.verified_in_window) / seconds : 0;
}

double LoadResult::requests_under_way() const {
  const double seconds = window_seconds();
  return seconds > 0 ? under_way_ns / 1e9 / seconds : 0;
}

double LoadResult::client_cpu_seconds() const {
  double seconds = 0;
  for (const ThreadCpu& thread : threads) seconds += thread.cpu_seconds - thread.polling_seconds;
  return seconds;
}

double LoadResult::client_polling_seconds() const {
  double seconds = 0;
  for (const ThreadCpu& thread : threads) seconds += thread.polling_seconds;
  return seconds;
}

double LoadResult::utilization_of_cpu(int cpu) const {
  double sum = 0;
  for (size_t i = 0; i < threads.size(); ++i) {
    if (options.cpus[i % options.cpus.size()] == cpu) sum += threads[i].utilization;
  }
  return sum;
}

double LoadResult::busiest_utilization() const {
  double busiest = 0;
  for (const int cpu : options.cpus) busiest = std::max(busiest, utilization_of_cpu(cpu));
  if (!options.cpus.empty()) return busiest;
  for (const ThreadCpu& thread : threads) busiest = std::max(busiest, thread.utilization);
  return busiest;
}

}  // namespace crossover
