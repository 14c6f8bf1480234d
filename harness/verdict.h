// Verdict: whether a trial may be believed, or the reasons why not. Pure.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "harness/metric.h"

namespace crossover {

// Limits beyond which a trial is not believed (docs/measurement.md, "Validity").
inline constexpr double kServerIdleMax = 0.05;        // of the server's CPUs, with a busy client
inline constexpr double kClientThreadBusyMax = 0.95;  // of one CPU
// Of the window, for a CPU of its own. The kernel's network thread keeps a client waiting for up to
// 16 % of it at 8,000 and 16,000 connections, and that is work of the client's.
inline constexpr double kClientWaitingMax = 0.10;     // where the server idles
inline constexpr double kOpenWaitingMax = 0.25;       // in an open loop, whatever the server does
inline constexpr double kOfferedMissMax = 0.02;       // of what was due: a client that kept up
inline constexpr double kStealMax = 0.02;             // of the server's CPUs
inline constexpr double kForeignMax = 0.05;           // of them, used by something else
inline constexpr double kStarvedShareMax = 0.001;     // of the connections (docs/decisions/0003)
inline constexpr double kCanaryDeviationMax = 0.50;   // from the median of the earlier ones
inline constexpr size_t kCanaryHistoryMin = 3;        // fewer earlier ones make no median
inline constexpr double kLittlesLawErrorMax = 0.05;   // |mean requests under way / N - 1|
inline constexpr double kWindowMismatchMax = 0.05;    // server's and client's count in the window
inline constexpr double kProbeWindowErrorMax = 0.02;  // the probes' window against the client's,
inline constexpr double kProbeWindowSlackS = 0.05;    // or that many seconds if it is more
inline constexpr size_t kMachineChangesMin = 5;       // fewer tell nothing of the machine
inline constexpr double kTrendProbability = 0.01;     // of such a trend if there were none
inline constexpr double kTrendChangeMin = 0.10;       // across the window, or the machine's

struct Reason {
  std::string code;    // one of VerdictCodes()
  std::string detail;  // one line, with the numbers
  bool operator==(const Reason&) const = default;
};

struct Verdict {
  std::vector<Reason> reasons;  // in the order of VerdictCodes()
  bool valid() const { return reasons.empty(); }
  bool operator==(const Verdict&) const = default;
};

// Time that the fixed loops took on the server's CPUs.
struct CanaryReading {
  double user_ns = 0;
  double syscall_ns = 0;
  std::optional<double> loopback_ns;  // nullopt: no connection was to be had
  bool operator==(const CanaryReading&) const = default;
};

struct TrialEvidence {
  int64_t connections = 0;                    // asked for
  std::string failure;                        // not empty: the trial broke off, and this is why
  nlohmann::json load;                        // crossover-load's result, or null
  nlohmann::json server_before;               // counters at the start of the window, or null
  nlohmann::json server_after;                // counters at its end, or null
  nlohmann::json server_final;                // the server's "done" line, or null
  bool client_on_server_cpus = false;         // by the placement
  size_t client_cpus = 0;                     // that it has for itself
  double probe_seconds = 0;                   // between the probes' readings; 0: not read
  Metrics metrics;                            // the shares of the server's CPUs are used, if there
  std::optional<CanaryReading> canary;        // beside this trial
  std::vector<CanaryReading> canary_history;  // of the run's earlier trials
};

// All codes, in report order.
const std::vector<std::string>& VerdictCodes();

// Every reason that the evidence gives. A trial that failed, or whose result cannot be read, gets
// "failed" alone: what else it shows follows from that.
Verdict Judge(const TrialEvidence& evidence);

// {"valid":bool,"reasons":[{"code":..,"detail":..}]}
nlohmann::json ToJson(const Verdict& verdict);

}  // namespace crossover
