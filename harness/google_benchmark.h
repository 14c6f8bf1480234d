// GoogleBenchmark: a run in the format of Google Benchmark's JSON, for the tools that read that.
#pragma once

#include <nlohmann/json.hpp>

#include "harness/trial_record.h"

namespace crossover {

// "context" and "benchmarks", as `--benchmark_format=json` writes them. Each valid cell is a family
// called ARCHITECTURE/CONNECTIONS/WORKLOAD, with an entry for each valid repetition (real_time:
// time per request, the inverse of the throughput; cpu_time: the server's CPU per request; ns both;
// iterations: requests verified in the window) and, of two or more, mean, median, standard
// deviation and coefficient of variation. A repetition without either time is left out, since the
// format has no null. Any thread; deterministic.
nlohmann::ordered_json ToGoogleBenchmark(const TrialLog& log);

}  // namespace crossover
