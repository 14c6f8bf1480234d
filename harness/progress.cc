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

}  // namespace

std::string Headline(const TrialRecord& record) {
  const auto get = [&](std::string_view name) { return MetricOf(record.metrics, name); };
  const auto throughput = get("throughput_rps");
  const auto p99_us = get("latency_us_p99");
  std::string text;
  if (throughput) {
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

std::string Progress::Where(size_t index, size_t repetition, std::string_view label,
                            int64_t connections, std::string_view workload) const {
  const std::string total = std::to_string(plan_.trials.size());
  std::string number = std::to_string(index + 1);
  if (number.size() < total.size()) number.insert(0, total.size() - number.size(), ' ');
  std::string text = "[" + number + "/" + total + "] rep " + std::to_string(repetition + 1) + "/" +
                     std::to_string(experiment_.repetitions) + "  " + std::string(label) + "  " +
                     IntegerText(connections) + " connections";
  if (experiment_.workloads.size() > 1) text += "  " + std::string(workload);
  return text;
}

std::string Progress::LiveLine() const {
  if (trial_ == nullptr) return {};
  const std::string where = Where(
      trial_->index, trial_->repetition, experiment_.architectures[trial_->architecture].label,
      trial_->connections, experiment_.workloads[trial_->workload].name);
  return where + "  " + stage_ + "   elapsed " +
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
  out_ << Where(record.index, record.repetition, record.architecture, record.connections,
                record.workload)
       << "  " << Headline(record) << "\n"
       << std::flush;
}

}  // namespace crossover
