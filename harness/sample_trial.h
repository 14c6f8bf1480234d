// Evidence and runs that are flawless, for tests to break in one place at a time.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "harness/experiment.h"
#include "harness/trial_record.h"
#include "harness/verdict.h"

namespace crossover {

// 200 connections, 50,000 requests/s over 4 s, 4 ms each: 200 = 50,000 x 0.004.
inline TrialEvidence CleanEvidence() {
  using nlohmann::json;
  constexpr int64_t kStartNs = 1'000'000'000;
  json intervals = json::array();
  for (int64_t i = 0; i < 10; ++i) {
    const int64_t wobble = i % 2 == 0 ? 100 : -100;
    intervals.push_back(
        {{"end_ns", kStartNs + (i + 1) * 400'000'000}, {"verified", 20'000 + wobble}});
  }
  TrialEvidence evidence;
  evidence.connections = 200;
  evidence.load = {
      {"schema", "crossover-load/1"},
      {"schedule", "closed"},
      {"window", {{"start_ns", kStartNs}, {"end_ns", kStartNs + 4'000'000'000}, {"seconds", 4.0}}},
      {"throughput_rps", 50'000.0},
      {"requests_under_way", 200.0},
      {"latency_ns", {{"p50", 3'900'000}, {"mean", 4'000'000.0}, {"count", 200'000}}},
      {"connections",
       {{"asked", 200},
        {"established", 200},
        {"served", 200},
        {"starved", 0},
        {"refused", 0},
        {"timed_out", 0},
        {"reset", 0},
        {"no_port", 0},
        {"other", 0}}},
      {"fairness", {{"jain_index", 0.999}, {"slowest_requests", 950}, {"fastest_requests", 1050}}},
      {"requests",
       {{"scheduled", 280'000},
        {"verified", 280'000},
        {"verified_in_window", 200'000},
        {"wrong_status", 0},
        {"wrong_body", 0},
        {"malformed", 0},
        {"truncated", 0},
        {"reset", 0},
        {"timed_out", 0},
        {"in_flight_at_end", 0}}},
      {"errors", 0},
      {"intervals", intervals},
      {"client_cpu", {{"threads", {{{"cpu_seconds", 3.6}, {"utilization", 0.9}}}}}},
      {"stopped_early", false}};
  const auto counters = [](int64_t requests, int64_t time_ns) {
    return json{{"requests", requests}, {"protocol_errors", 0}, {"accepted", 200},
                {"accept_errors", 0},   {"rejected", 0},        {"thread_failures", 0},
                {"timeouts", 0},        {"time_ns", time_ns}};
  };
  evidence.server_before = counters(79'950, kStartNs + 1'000'000);
  evidence.server_after = counters(280'000 - 30, kStartNs + 4'001'000'000);
  evidence.server_final = counters(280'000, kStartNs + 4'500'000'000);
  SetMetric(evidence.metrics, "server_cpus_idle", 0.01);
  SetMetric(evidence.metrics, "steal_ratio", 0.0);
  SetMetric(evidence.metrics, "server_cpu_utilization", 0.98);
  evidence.client_cpus = 1;
  evidence.canary = CanaryReading{.user_ns = 1000, .syscall_ns = 500, .loopback_ns = 700};
  evidence.canary_history = {{.user_ns = 1000, .syscall_ns = 500},
                             {.user_ns = 1100, .syscall_ns = 510},
                             {.user_ns = 900, .syscall_ns = 490}};
  return evidence;
}

// A trial of cell (architecture, connections) with every metric set to something plausible: the
// value of metric k is `base` + k.
inline TrialRecord CleanTrial(size_t index, size_t repetition, std::string_view architecture,
                              int64_t connections, double base) {
  const TrialEvidence evidence = CleanEvidence();
  TrialRecord trial;
  trial.index = index;
  trial.repetition = repetition;
  trial.architecture = architecture;
  trial.connections = connections;
  trial.workload = "hello";
  trial.started_utc = "2026-11-22T22:00:00Z";
  trial.seconds = 6.5;
  double value = base;
  for (const MetricSpec& spec : MetricCatalogue()) SetMetric(trial.metrics, spec.name, value++);
  trial.load = evidence.load;
  trial.server_before = evidence.server_before;
  trial.server_after = evidence.server_after;
  trial.server_final = evidence.server_final;
  trial.canary = evidence.canary;
  return trial;
}

// A whole run of two architectures ("old", the baseline, and "new") at 100 and 2000 connections in
// `repetitions` repetitions, every trial valid. "old" wobbles by 1 % around 1000 and "new" around
// 2000, in all metrics alike.
inline TrialLog CleanLog(int64_t repetitions) {
  TrialLog log;
  log.run.run_id = "20261122T220000Z-sample";
  log.run.created_utc = "2026-11-22T22:00:00Z";
  log.run.experiment.name = "sample";
  log.run.experiment.description = "A run for tests.";
  log.run.experiment.repetitions = repetitions;
  log.run.experiment.architectures = {{.name = "old", .label = "old", .options = {}},
                                      {.name = "new", .label = "new", .options = {}}};
  log.run.experiment.connections = {100, 2000};
  log.run.environment = {{"kernel", "6.1.0"},
                         {"cpu_model", "Some CPU"},
                         {"cpus", 2},
                         {"memory_bytes", 8'000'000'000},
                         {"crossover_version", "0.1.0"},
                         {"compiler", "GCC 12.2.0"}};
  log.run.server_cpus = "0";
  log.run.client_cpus = "1";
  for (size_t repetition = 0; repetition < static_cast<size_t>(repetitions); ++repetition) {
    const double wobble = 1 + 0.01 * (static_cast<double>(repetition % 3) - 1);
    for (const int64_t connections : log.run.experiment.connections) {
      log.trials.push_back(
          CleanTrial(log.trials.size(), repetition, "old", connections, 1000 * wobble));
      log.trials.push_back(CleanTrial(log.trials.size(), repetition, "new", connections, 2000));
    }
  }
  return log;
}

}  // namespace crossover
