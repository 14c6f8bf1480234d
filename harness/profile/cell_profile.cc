#include "harness/profile/cell_profile.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <span>
#include <sstream>
#include <utility>
#include <vector>

#include "base/error.h"
#include "harness/profile/frame_classes.h"
#include "harness/profile/sliced_window.h"
#include "harness/profile/top_table.h"
#include "harness/statistics/paired_ratio.h"

namespace crossover {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

constexpr size_t kTopRows = 60;
constexpr size_t kOtherFrames = 5;
constexpr double kLostMax = 0.001;  // of the events that were kept

// What an instrument's trials of a cell have in common to say.
ordered_json Unavailable(const std::string& why) { return {{"unavailable", why}}; }

// Why the findings of `trial` can't be used; empty if they can.
std::string WhyUnusable(const TrialRecord& trial) {
  if (trial.findings.is_object() && !trial.findings.contains("unavailable")) return {};
  if (trial.findings.is_object()) return trial.findings.value("unavailable", "unknown");
  for (const Reason& reason : trial.verdict.reasons) {
    if (reason.code == "failed") return "the trial failed: " + reason.detail;
  }
  return "the trial left no findings";
}

ordered_json ReasonsOf(const std::vector<const TrialRecord*>& trials) {
  ordered_json reasons = ordered_json::array();
  for (const TrialRecord* trial : trials) {
    for (const Reason& reason : trial->verdict.reasons) {
      reasons.push_back({{"code", reason.code}, {"detail", reason.detail}});
    }
  }
  return reasons;
}

// What stands in an innermost frame of the stacks of `other`, since nothing else is known of them.
ordered_json OtherFrames(const Stacks& stacks, const FrameClasses& classes, size_t other,
                         double samples) {
  Stacks unknown;
  for (const auto& [stack, count] : stacks) {
    if (classes.ClassOf(stack) == other) unknown[{stack.back()}] += count;
  }
  const std::vector<TopRow> top = TopOf(unknown);
  ordered_json frames = ordered_json::array();
  for (size_t i = 0; i < std::min(kOtherFrames, top.size()); ++i) {
    frames.push_back(
        {{"function", top[i].frame.name}, {"share", static_cast<double>(top[i].flat) / samples}});
  }
  return frames;
}

ordered_json TopToJson(const std::vector<TopRow>& top) {
  ordered_json rows = ordered_json::array();
  for (size_t i = 0; i < std::min(kTopRows, top.size()); ++i) {
    rows.push_back({{"function", top[i].frame.name},
                    {"kernel", top[i].frame.kernel},
                    {"flat", top[i].flat},
                    {"cumulative", top[i].cumulative}});
  }
  return rows;
}

// Sums over the profile trials of a cell.
struct ProfileSums {
  Stacks stacks;
  uint64_t lost = 0;
  double sampled_ns = 0;
  double accounted_ns = 0;
  bool accounted = true;
  ordered_json files = ordered_json::array();
};

void Add(const json& findings, const Stacks& stacks, ProfileSums& sums) {
  for (const auto& [stack, count] : stacks) sums.stacks[stack] += count;
  sums.lost += findings.value("samples_lost", uint64_t{0});
  sums.sampled_ns += findings.value("samples", 0.0) * findings.value("period_ns", 0.0);
  sums.files.push_back(findings.value("file", ""));
  const json slices = findings.value("slices", json::array());
  for (const json& slice : slices) {
    if (!slice.value("on", false)) continue;
    const json cpu_ns = slice.value("cpu_ns", json());
    if (cpu_ns.is_number()) {
      sums.accounted_ns += cpu_ns.get<double>();
    } else {
      sums.accounted = false;
    }
  }
}

ordered_json ClassesToJson(const ProfileSums& sums, std::optional<double> cpu_us) {
  const FrameClasses& classes = BuiltInFrameClasses();
  const auto samples = static_cast<double>(TotalSamples(sums.stacks));
  std::vector<double> counts(classes.classes().size());
  for (const auto& [stack, count] : sums.stacks) {
    counts[classes.ClassOf(stack)] += static_cast<double>(count);
  }
  ordered_json out = ordered_json::array();
  for (size_t i = 0; i < counts.size(); ++i) {
    const FrameClass& each = classes.classes()[i];
    const double share = counts[i] / samples;
    ordered_json entry = {{"class", each.name},
                          {"group", each.group},
                          {"label", each.label},
                          {"share", share},
                          // Of a share of independent samples.
                          {"share_error", std::sqrt(share * (1 - share) / samples)}};
    entry["cpu_us_per_request"] = cpu_us ? ordered_json(share * *cpu_us) : ordered_json(nullptr);
    if (each.name == "other") entry["frames"] = OtherFrames(sums.stacks, classes, i, samples);
    out.push_back(std::move(entry));
  }
  return out;
}

double SchedulerShare(const ordered_json& classes) {
  double share = 0;
  for (const ordered_json& each : classes) {
    if (each["group"] == "scheduler") share += each["share"].get<double>();
  }
  return share;
}

struct SliceCost {
  bool on = false;
  bool counters = false;
  double cpu_ns = 0;
  double requests = 0;
};

// Zeros where the CPU time is not known, or a late reading cut the slice short.
std::vector<SliceCost> CostsOf(const json& findings) {
  std::vector<SliceCost> costs;
  const json slices = findings.value("slices", json::array());
  for (const json& slice : slices) {
    const json cpu_ns = slice.value("cpu_ns", json());
    const bool counts = cpu_ns.is_number() &&
                        slice.value("seconds", 0.0) * 1e9 >= static_cast<double>(kSliceNs) / 2;
    costs.push_back({.on = slice.value("on", false),
                     .counters = slice.value("counters", false),
                     .cpu_ns = counts ? cpu_ns.get<double>() : 0,
                     .requests = counts ? slice.value("requests", 0.0) : 0});
  }
  return costs;
}

// CPU per request with what costs something, and without it.
struct CostPairs {
  std::vector<double> with;
  std::vector<double> without;

  // Over the slices where `is_with` holds, and over the others, if there are both.
  void Add(std::span<const SliceCost> slices, bool SliceCost::*is_with) {
    double cpu_ns[2] = {0, 0};
    double requests[2] = {0, 0};
    for (const SliceCost& slice : slices) {
      cpu_ns[slice.*is_with ? 1 : 0] += slice.cpu_ns;
      requests[slice.*is_with ? 1 : 0] += slice.requests;
    }
    if (cpu_ns[0] <= 0 || cpu_ns[1] <= 0 || requests[0] <= 0 || requests[1] <= 0) return;
    without.push_back(cpu_ns[0] / requests[0]);
    with.push_back(cpu_ns[1] / requests[1]);
  }

  ordered_json ToJson() const;
};

ordered_json CostPairs::ToJson() const {
  if (with.empty()) return nullptr;
  const PairedRatio ratio = ComparePairs(with, without);
  ordered_json out = {{"cpu_per_request_ratio", ratio.ratio},
                      {"ci95_low", nullptr},
                      {"ci95_high", nullptr},
                      {"pairs", with.size()}};
  if (ratio.interval95) {
    out["ci95_low"] = ratio.interval95->low;
    out["ci95_high"] = ratio.interval95->high;
  }
  return out;
}

}  // namespace

StacksByFile ReadStacks(const std::filesystem::path& run_directory, const TrialLog& log) {
  StacksByFile all;
  for (const TrialRecord& trial : log.trials) {
    if (!trial.findings.is_object()) continue;
    const std::string name = trial.findings.value("file", "");
    const std::filesystem::path path = run_directory / name;
    std::ifstream file(path, std::ios::binary);
    if (name.empty() || !file) continue;
    std::ostringstream text;
    text << file.rdbuf();
    try {
      all[name] = ParseFolded(text.view(), path.string());
    } catch (const UsageError&) {
      continue;  // damaged: as if it were missing
    }
  }
  return all;
}

ordered_json ProfileToJson(const Cell& cell, const StacksByFile& stacks) {
  if (cell.profiles.empty()) return nullptr;
  ProfileSums sums;
  std::string why;
  for (const TrialRecord* trial : cell.profiles) {
    if (const std::string unusable = WhyUnusable(*trial); !unusable.empty()) {
      why = unusable;
      continue;
    }
    const std::string name = trial->findings.value("file", "");
    const auto found = stacks.find(name);
    if (found == stacks.end()) {
      why = name + " is missing or damaged";
    } else {
      Add(trial->findings, found->second, sums);
    }
  }
  const uint64_t samples = TotalSamples(sums.stacks);
  if (samples == 0) return Unavailable(why.empty() ? "no sample fell on the server" : why);
  ordered_json out = {{"trials", sums.files.size()},
                      {"reasons", ReasonsOf(cell.profiles)},
                      {"samples", samples},
                      {"samples_lost", sums.lost},
                      {"cpu_seconds_sampled", sums.sampled_ns / 1e9}};
  out["cpu_seconds_accounted"] =
      sums.accounted ? ordered_json(sums.accounted_ns / 1e9) : ordered_json(nullptr);
  out["classes_version"] = BuiltInFrameClasses().version();
  out["classes"] = ClassesToJson(sums, SummariseMetric(cell, "cpu_us_per_request").median);
  out["scheduler_share"] = SchedulerShare(out["classes"]);
  out["top"] = TopToJson(TopOf(sums.stacks));
  out["files"] = sums.files;
  return out;
}

ordered_json TraceToJson(const Cell& cell) {
  if (cell.traces.empty()) return nullptr;
  const TrialRecord& trial = *cell.traces.back();
  if (const std::string why = WhyUnusable(trial); !why.empty()) return Unavailable(why);
  const json& findings = trial.findings;
  const auto lost = findings.value("events_lost", uint64_t{0});
  if (static_cast<double>(lost) > kLostMax * findings.value("events", 0.0)) {
    return Unavailable(std::to_string(lost) +
                       " events found no room; give the trace a shorter duration");
  }
  const double requests = findings.value("requests", 0.0);
  if (requests <= 0) return Unavailable("no request was verified while the trace was on");
  const auto per_request = [&](const char* key) { return findings.value(key, 0.0) / requests; };
  ordered_json out = {{"reasons", ReasonsOf(cell.traces)},
                      {"requests", requests},
                      {"events", findings.value("events", uint64_t{0})},
                      {"events_lost", lost},
                      {"switches_per_request", per_request("switches")},
                      {"preemptions_per_request", per_request("preemptions")},
                      {"wakings_per_request", per_request("wakings")},
                      {"wakings_across_cpus_per_request", per_request("wakings_across_cpus")},
                      {"run_queue_ns", findings.value("run_queue_ns", json::object())}};
  ordered_json& off_cpu = out["off_cpu_us_per_request"] = ordered_json::object();
  const json off_cpu_ns = findings.value("off_cpu", json::object());
  for (const auto& [name, entry] : off_cpu_ns.items()) {
    off_cpu[name] = entry.value("ns", 0.0) / 1e3 / requests;
  }
  if (findings.contains("off_cpu_cut_ns")) {
    off_cpu["cut_off"] = findings.value("off_cpu_cut_ns", 0.0) / 1e3 / requests;
  }
  ordered_json& calls = out["system_calls_per_request"] = ordered_json::object();
  const json counts = findings.value("system_calls", json::object());
  for (const auto& [name, count] : counts.items()) {
    calls[name] = count.get<double>() / requests;
  }
  out["epoll_waits_by_events"] = findings.value("epoll_waits_by_events", json::array());
  return out;
}

ordered_json InstrumentCost(const TrialLog& log, Pass pass) {
  CostPairs pairs;
  for (const TrialRecord& trial : log.trials) {
    if (trial.pass != pass || !trial.findings.is_object()) continue;
    std::vector<SliceCost> slices = CostsOf(trial.findings);
    const size_t before = pairs.with.size();
    for (size_t i = 0; i + 1 < slices.size(); i += 2) {
      if (slices[i].on == slices[i + 1].on) continue;
      if (slices[i].counters || slices[i + 1].counters) continue;
      pairs.Add(std::span(slices).subspan(i, 2), &SliceCost::on);
    }
    // On in one stretch: the stretch against what surrounds it.
    if (pairs.with.size() > before) continue;
    std::erase_if(slices, [](const SliceCost& slice) { return slice.counters; });
    pairs.Add(slices, &SliceCost::on);
  }
  return pairs.ToJson();
}

ordered_json CountersCost(const TrialLog& log) {
  CostPairs pairs;
  for (const TrialRecord& trial : log.trials) {
    if (trial.pass != Pass::kProfile || !trial.findings.is_object()) continue;
    const std::vector<SliceCost> slices = CostsOf(trial.findings);
    // on, off, off, on: of the two in the middle one has the counters.
    for (size_t i = 1; i + 1 < slices.size(); i += 4) {
      if (slices[i].on || slices[i + 1].on) continue;
      pairs.Add(std::span(slices).subspan(i, 2), &SliceCost::counters);
    }
  }
  return pairs.ToJson();
}

}  // namespace crossover
