// Evidence to break in one place, and what Judge makes of it; for tests.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "harness/sample_trial.h"
#include "harness/verdict.h"

namespace crossover {

inline std::vector<std::string> Codes(const TrialEvidence& evidence) {
  std::vector<std::string> codes;
  for (const Reason& reason : Judge(evidence).reasons) codes.push_back(reason.code);
  return codes;
}

inline std::string OnlyDetail(const TrialEvidence& evidence) {
  const Verdict verdict = Judge(evidence);
  return verdict.reasons.size() == 1 ? verdict.reasons[0].detail : "not one reason";
}

// Every test starts from evidence in which nothing is wrong.
class Judging : public testing::Test {
 protected:
  nlohmann::json& Requests() { return trial_.load["requests"]; }
  nlohmann::json& Connections() { return trial_.load["connections"]; }

  // The server's share of `count` more requests that ended as `outcome`, `sent` of them answered.
  void Fail(const char* outcome, int64_t count, int64_t sent) {
    Requests()[outcome] = count;
    Requests()["scheduled"] = 280'000 + count;
    trial_.load["errors"] = count;
    trial_.server_final["requests"] = 280'000 + sent;
  }

  // So many connections took the place of closed ones, and the server accepted all.
  void Reconnect(int64_t count) {
    trial_.load["reconnections"] = {
        {"asked", count}, {"established", count}, {"refused", 0}, {"timed_out", 0},
        {"reset", 0},     {"no_port", 0},         {"other", 0},   {"lost", 0}};
    trial_.server_final["accepted"] = 200 + count;
  }

  // Replaces the intervals' counts.
  void SetIntervals(const std::vector<int64_t>& verified) {
    nlohmann::json intervals = nlohmann::json::array();
    int64_t end_ns = 1'000'000'000;
    for (const int64_t count : verified) {
      end_ns += 400'000'000;
      intervals.push_back({{"end_ns", end_ns}, {"verified", count}});
    }
    trial_.load["intervals"] = intervals;
  }

  TrialEvidence trial_ = CleanEvidence();
};

}  // namespace crossover
