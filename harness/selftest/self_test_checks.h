// What the self-test looks at, one at a time. Each gives an object of JSON, a line of the
// self-test's log; what is in it is said below.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "harness/experiment.h"
#include "harness/rig.h"

namespace crossover {

// All throw TrialInterrupted, UsageError for what this machine lacks, and TrialFailure if a check
// other than a duet broke off. Main thread only.

// A duet of an architecture with itself, of which the one takes `injected` more CPU per request
// (0.03: 3 %; 0: they are alike), by way of a companion (harness/duet/companion.h).
//   {"check":"duet","architecture","injected","injected_by","slice_ns","cpu_us_by_block",
//    "seconds"}: of each block, of each pair, the CPU per request of both, from which all else
//    follows.
//   {"check":"duet",...,"unavailable":why} where two can't be had at a time, where it broke off,
//    and where there are too few blocks for an interval.
nlohmann::json CompareWithItself(Rig& rig, const std::string& architecture, double injected,
                                 const DuetSettings& settings);

// A short trial: do the client's counts and the server's agree?
//   {"check":"ledger","architecture","verified","closes","detail"}
nlohmann::json CheckLedger(Rig& rig, const std::string& architecture);

// Requests at fixed times to a server that stands still for S of each T: those that come meanwhile
// wait for the rest of it, so that the latency at quantile q is S - (1 - q) T. A client that
// doesn't send while it waits would never see them.
//   {"check":"stall","stall_ms","period_ms","quantiles":[{"quantile","expected_ms","found_ms"}]}
nlohmann::json CheckStall(Rig& rig);

// How many requests the client manages against a responder that does next to nothing.
//   {"check":"ceiling","engine","connections","throughput_rps","requests_per_client_cpu_second",
//    "limited_by"}
nlohmann::json FindCeiling(Rig& rig);

}  // namespace crossover
