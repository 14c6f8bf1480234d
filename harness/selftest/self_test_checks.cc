#include "harness/selftest/self_test_checks.h"

#include <array>
#include <cmath>
#include <optional>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/cpu_list.h"
#include "base/error.h"
#include "harness/child_process.h"
#include "harness/conversation.h"
#include "harness/selftest/self_test_summary.h"

namespace crossover {
namespace {

using nlohmann::json;

constexpr int64_t kConnections = 200;
// For what hangs, not for what is slow.
constexpr int64_t kPatienceNs = 120 * kNsPerSecond;

constexpr double kStallMs = 500;
constexpr double kPeriodMs = 2500;
// Low, since what has gathered in a stall is answered one after the other; odd, so that each
// period has its requests at other moments.
constexpr const char* kStallRate = "411.37";

ArchitectureLevel Level(const std::string& architecture, const std::string& label) {
  return {.name = architecture, .label = label, .options = {}};
}

// Of each block, each pair: the CPU per request of both, in microseconds.
json CpuByBlock(const std::vector<DuetPair>& pairs) {
  json blocks = json::array();
  for (const DuetPair& pair : pairs) {
    while (blocks.size() <= pair.block) blocks.push_back(json::array());
    const auto rounded = [](const DuetSlice& slice) {
      return std::round(slice.cpu_us_per_request() * 1e4) / 1e4;
    };
    blocks[pair.block].push_back({rounded(pair.own), rounded(pair.baseline)});
  }
  return blocks;
}

int64_t Deadline() { return MonotonicNs() + kPatienceNs; }

std::string Ms(double ms) { return std::to_string(static_cast<int>(ms)) + "ms"; }

// The result of an open loop against the stalling responder.
json LoadAgainstStalls(Rig& rig) {
  Conversation conversation(rig.interrupt_fd(), nullptr);
  conversation.SetStage("stalling");
  ChildProcess responder = ChildProcess::Start(
      {.name = "the responder",
       .argv = {rig.programs().responder, "--stall", Ms(kStallMs), "--every", Ms(kPeriodMs)},
       .cpus = rig.cpus().server});
  conversation.Watch(responder, /*ends_by_itself=*/false);
  const auto ready = conversation.Await(responder, "ready", Deadline());
  const std::string url = "http://127.0.0.1:" + std::to_string(ready.value("port", 0)) + "/";
  ChildProcess load =
      ChildProcess::Start({.name = "the load generator",
                           .argv = {rig.programs().load, "--events", "-c", "250", "--rate",
                                    kStallRate, "--warmup", "500ms", "--duration", "10s", url},
                           .cpus = rig.cpus().client});
  conversation.Watch(load, /*ends_by_itself=*/true);
  conversation.Await(load, "connected", Deadline());
  load.Send({{"command", "go"}});
  return conversation.Await(load, "done", Deadline()).value("result", json());
}

}  // namespace

json CompareWithItself(Rig& rig, const std::string& architecture, double injected,
                       const DuetSettings& settings) {
  Experiment experiment;
  experiment.name = "selftest";
  experiment.architectures = {Level(architecture, architecture + " (B)"),
                              Level(architecture, architecture + " (A)")};
  if (injected > 0) {
    experiment.companion =
        CompanionSettings{.share = injected, .program = rig.programs().companion};
  }
  experiment.connections = {kConnections};
  experiment.load.busy_poll = true;
  experiment.duet = settings;
  experiment.canary = false;
  json line = {{"check", "duet"}, {"architecture", architecture}, {"injected", injected}};
  if (injected > 0) line["injected_by"] = kSelfTestInjection;
  std::string why;
  const int64_t begin_ns = MonotonicNs();
  std::optional<DuetOutcome> outcome;
  try {
    outcome = rig.Duet(experiment, why);
  } catch (const TrialFailure& failure) {
    why = std::string("it broke off: ") + failure.what();
  }
  if (!outcome) {
    line["unavailable"] = why;
    return line;
  }
  json played = line;
  played.update({{"slice_ns", outcome->slice_ns},
                 {"cpu_us_by_block", CpuByBlock(outcome->pairs)},
                 {"seconds", static_cast<double>(MonotonicNs() - begin_ns) / 1e9}});
  if (JudgeSelfTestDuet(played)) return played;
  line["unavailable"] = "fewer than three blocks of slices could be used";
  return line;
}

json CheckLedger(Rig& rig, const std::string& architecture) {
  Experiment experiment;
  experiment.name = "selftest";
  experiment.architectures = {Level(architecture, architecture)};
  experiment.connections = {kConnections};
  experiment.load.warmup_ns = 200 * kNsPerMs;
  experiment.load.duration_ns = kNsPerSecond;
  experiment.canary = false;
  const TrialRecord record = rig.Run(experiment, {.connections = kConnections});
  json line = {
      {"check", "ledger"}, {"architecture", architecture}, {"closes", true}, {"detail", ""}};
  static const json::json_pointer kVerified("/requests/verified");
  line["verified"] = record.load.is_object() ? record.load.value(kVerified, int64_t{0}) : 0;
  for (const Reason& reason : record.verdict.reasons) {
    // That the two were read at other moments is not a count that got lost.
    const bool counts = reason.code == "ledger_open" && !reason.detail.starts_with("the probes");
    if (!counts && reason.code != "errors" && reason.code != "failed") continue;
    line["closes"] = false;
    line["detail"] = reason.detail;
  }
  return line;
}

json CheckStall(Rig& rig) {
  struct Quantile {
    const char* name;
    double at;
  };
  static constexpr std::array<Quantile, 3> kQuantiles = {
      {{"p90", 0.9}, {"p99", 0.99}, {"p999", 0.999}}};
  json quantiles = json::array();
  try {
    const json result = LoadAgainstStalls(rig);
    for (const Quantile& quantile : kQuantiles) {
      quantiles.push_back(
          {{"quantile", quantile.at},
           {"expected_ms", kStallMs - (1 - quantile.at) * kPeriodMs},
           {"found_ms", result.at("latency_ns").at(quantile.name).get<double>() / 1e6}});
    }
  } catch (const json::exception& error) {
    throw TrialFailure(std::string("the load generator's result lacks a latency: ") + error.what());
  }
  return {{"check", "stall"},
          {"stall_ms", kStallMs},
          {"period_ms", kPeriodMs},
          {"quantiles", std::move(quantiles)}};
}

json FindCeiling(Rig& rig) {
  std::vector<int> both = rig.cpus().server;
  both.insert(both.end(), rig.cpus().client.begin(), rig.cpus().client.end());
  ChildProcess load = ChildProcess::Start(
      {.name = "crossover-load",
       .argv = {rig.programs().load, "--calibrate", "--json", "-", "--connections",
                std::to_string(kConnections), "--warmup", "500ms", "--duration", "1s", "--threads",
                std::to_string(rig.cpus().client.size()), "--cpus",
                FormatCpuList(rig.cpus().client)},
       .cpus = both});
  load.CloseInput();
  std::string text;
  std::string line;
  while (load.lines().Next(line, Deadline()) == LineReader::Status::kLine) text += line + "\n";
  const auto status = load.Wait(Deadline());
  const json calibration = json::parse(text, nullptr, /*allow_exceptions=*/false);
  const json best = calibration.is_object() ? calibration.value("fastest", json()) : json();
  if (!best.is_object()) {
    throw TrialFailure(status ? DescribeEnd(load, *status, "finding the client's ceiling")
                              : "crossover-load --calibrate did not end");
  }
  json found = {{"check", "ceiling"}};
  for (const char* key : {"engine", "connections", "throughput_rps",
                          "requests_per_client_cpu_second", "limited_by"}) {
    found[key] = best.value(key, json());
  }
  return found;
}

}  // namespace crossover
