#include "harness/progress.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <utility>

#include "base/clock.h"
#include "base/duration.h"
#include "harness/run_directory.h"
#include "harness/wording.h"

namespace crossover {
namespace {

// "3 s", "1 m 10 s": whole seconds, since the line changes every second.
std::string Seconds(double seconds) {
  const int64_t whole = std::llround(std::max(0.0, seconds));
  if (whole < 60) return std::to_string(whole) + " s";
  return FormatDurationNs(whole * kNsPerSecond);
}

std::string Number(double value, const char* format) {
  char text[32];
  std::snprintf(text, sizeof text, format, value);
  return text;
}

std::string OrDash(const std::optional<double>& value, const char* format) {
  return value ? Number(*value, format) : "-";
}

// An instrument's trial: what it gathered. Throughput under it is no result.
std::string FindingsText(const TrialRecord& record) {
  if (!record.findings.is_object()) return {};
  if (record.findings.contains("unavailable")) {
    return "unavailable: " + record.findings.value("unavailable", "") + "  ";
  }
  if (record.pass == Pass::kDuet) {
    return CountText(record.findings.value("pairs", nlohmann::json::array()).size(), "pair") + "  ";
  }
  const bool profile = record.pass == Pass::kProfile;
  const int64_t count = record.findings.value(profile ? "samples" : "events", int64_t{0});
  const int64_t lost = record.findings.value(profile ? "samples_lost" : "events_lost", int64_t{0});
  return IntegerText(count) + (profile ? " samples" : " events") +
         (lost > 0 ? " (" + IntegerText(lost) + " more lost)" : "") + "  ";
}

}  // namespace

std::string Headline(const TrialRecord& record) {
  const auto get = [&](std::string_view name) { return MetricOf(record.metrics, name); };
  const auto throughput = get("throughput_rps");
  const auto p99_us = get("latency_us_p99");
  std::string text;
  if (record.pass != Pass::kThroughput) {
    text = FindingsText(record);
  } else if (throughput) {
    text = IntegerText(std::llround(*throughput)) + " requests/s  " +
           OrDash(get("cpu_us_per_request"), "%.2f") + " us CPU/request  " +
           OrDash(get("context_switches_per_request"), "%.3f") + " switches/request  p99 " +
           (p99_us ? FormatDurationNs(std::llround(*p99_us * 1e3)) : "-") + "  ";
  }
  if (record.verdict.valid()) return text + "valid";
  text += "INVALID";
  for (const Reason& reason : record.verdict.reasons) {
    text += (&reason == &record.verdict.reasons.front() ? " " : ", ") + reason.code;
  }
  // The first one is told in full: it is most often the cause of the rest.
  return text + " (" + record.verdict.reasons.front().detail + ")";
}

Progress::Progress(std::ostream& out, bool terminal, int columns, const Experiment& experiment,
                   const Plan& plan, Clock clock)
    : out_(out),
      terminal_(terminal),
      columns_(columns),
      experiment_(experiment),
      plan_(plan),
      clock_(std::move(clock)),
      start_ns_(clock_()),
      trial_start_ns_(start_ns_) {}

Progress::~Progress() { Erase(); }

void Progress::Learn(const TrialRecord& record) {
  done_[record.index] = true;
  // A trial that broke off says nothing about how long the others take.
  if (FailedOutright(record)) return;
  Level& level = levels_[record.connections];
  level.seconds += record.seconds;
  ++level.trials;
}

double Progress::SecondsLeft() const {
  double left = 0;
  for (const PlannedTrial& trial : plan_.trials) {
    if (done_.contains(trial.index)) continue;
    const auto level = levels_.find(trial.connections);
    double seconds = level == levels_.end()
                         ? EstimateTrialSeconds(experiment_, trial)
                         : level->second.seconds / static_cast<double>(level->second.trials);
    if (trial_ != nullptr && trial.index == trial_->index) {
      seconds -= static_cast<double>(clock_() - trial_start_ns_) / 1e9;
    }
    left += std::max(0.0, seconds);
  }
  return left;
}

std::string Progress::Where(const PlannedTrial& trial) const {
  const std::string total = std::to_string(plan_.trials.size());
  std::string number = std::to_string(trial.index + 1);
  if (number.size() < total.size()) number.insert(0, total.size() - number.size(), ' ');
  const std::string_view kind = trial.pass == Pass::kThroughput ? "rep" : PassName(trial.pass);
  std::string text = "[" + number + "/" + total + "] " + std::string(kind) + " " +
                     std::to_string(trial.repetition + 1) + "/" +
                     std::to_string(RepetitionsOf(experiment_, trial.pass)) + "  " +
                     experiment_.architectures[trial.architecture].label + "  " +
                     IntegerText(trial.connections) + " connections";
  if (experiment_.workloads.size() > 1) {
    text += "  " + experiment_.workloads[trial.workload].name;
  }
  return text;
}

std::string Progress::LiveLine() const {
  if (trial_ == nullptr) return {};
  return Where(*trial_) + "  " + stage_ + "   elapsed " +
         Seconds(static_cast<double>(clock_() - start_ns_) / 1e9) + "  left about " +
         Seconds(SecondsLeft());
}

void Progress::Erase() {
  if (!drawn_) return;
  out_ << "\r\x1b[K" << std::flush;
  drawn_ = false;
}

void Progress::Draw() {
  if (!terminal_ || trial_ == nullptr) return;
  // A line that wraps could not be rewritten in place.
  const std::string line = LiveLine().substr(0, static_cast<size_t>(std::max(1, columns_ - 1)));
  out_ << "\r\x1b[K" << line << std::flush;
  drawn_ = true;
}

void Progress::Begin(const PlannedTrial& trial) {
  trial_ = &trial;
  trial_start_ns_ = clock_();
  stage_ = "starting";
  Draw();
}

void Progress::Stage(std::string_view stage) {
  stage_ = stage;
  Draw();
}

void Progress::Tick() { Draw(); }

void Progress::End(const TrialRecord& record) {
  Learn(record);
  trial_ = nullptr;
  Erase();
  out_ << Where(plan_.trials.at(record.index)) << "  " << Headline(record) << "\n" << std::flush;
}

}  // namespace crossover
