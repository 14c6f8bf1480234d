#include "loadgen/schedule.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include "base/check.h"
#include "base/clock.h"
#include "base/duration.h"
#include "base/error.h"
#include "base/random.h"

namespace crossover {
namespace {

constexpr double kRateMaxRps = 1e9;

[[noreturn]] void RefuseRate(std::string_view text, const std::string& why) {
  throw UsageError("--rate: '" + std::string(text) + "' " + why +
                   "; expected 5000, or 1000@10s,2000@10s, or 1000-5000@20s");
}

double ParseRps(std::string_view part, std::string_view text) {
  double rps = 0;
  const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), rps);
  if (error != std::errc() || end != part.data() + part.size()) RefuseRate(text, "is no rate");
  if (!(rps > 0 && rps <= kRateMaxRps)) RefuseRate(text, "is not between 0 and 1e9 per second");
  return rps;
}

RateStep ParseStep(std::string_view part, std::string_view text) {
  RateStep step;
  const size_t at = part.find('@');
  if (at != std::string_view::npos) {
    step.duration_ns = ParseDurationNs(part.substr(at + 1), "--rate");
    if (step.duration_ns == 0) RefuseRate(text, "has a step of no length");
    part = part.substr(0, at);
  }
  const size_t dash = part.find('-');
  step.from_rps = ParseRps(part.substr(0, dash), text);
  step.to_rps =
      dash == std::string_view::npos ? step.from_rps : ParseRps(part.substr(dash + 1), text);
  if (step.duration_ns == 0 && step.to_rps != step.from_rps) {
    RefuseRate(text, "has a ramp without a duration");
  }
  return step;
}

}  // namespace

std::vector<RateStep> ParseRate(std::string_view text) {
  std::vector<RateStep> steps;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t comma = std::min(text.find(',', begin), text.size());
    if (!steps.empty() && steps.back().duration_ns == 0) {
      RefuseRate(text, "has a step without a duration before another");
    }
    steps.push_back(ParseStep(text.substr(begin, comma - begin), text));
    begin = comma + 1;
  }
  return steps;
}

Schedule::Schedule(const ScheduleOptions& options, size_t connections)
    : options_(options), connections_(static_cast<double>(connections)) {
  double begin_s = 0;
  double position = 0;
  for (const RateStep& step : options.rate) {
    if (step.duration_ns == 0) break;
    const double length_s = static_cast<double>(step.duration_ns) / 1e9;
    const double arrivals = (step.from_rps + step.to_rps) / 2 * length_s;
    pieces_.push_back({.begin_s = begin_s,
                       .begin_position = position,
                       .rate = step.from_rps,
                       .slope = (step.to_rps - step.from_rps) / length_s,
                       .end_position = position + arrivals});
    begin_s += length_s;
    position += arrivals;
  }
  if (options.rate.empty()) return;
  pieces_.push_back({.begin_s = begin_s,
                     .begin_position = position,
                     .rate = options.rate.back().to_rps,
                     .slope = 0,
                     .end_position = std::numeric_limits<double>::infinity()});
}

double Schedule::Position(uint64_t i, uint64_t k, double previous) const {
  if (options_.arrivals == ScheduleOptions::Arrivals::kConstant) {
    return static_cast<double>(k) * connections_ + static_cast<double>(i);
  }
  // Poisson processes add up: each connection's has a rate of 1 / connections.
  const double gap = -std::log(UniformOf(options_.seed, i, k)) * connections_;
  return k == 0 ? gap : previous + gap;
}

int64_t Schedule::DueNs(double position) const {
  CHECK(!pieces_.empty());
  size_t p = 0;
  while (position > pieces_[p].end_position) ++p;
  const Piece& piece = pieces_[p];
  const double left = position - piece.begin_position;
  // rate t + slope t^2 / 2 = left, in the form that loses no digits for a small slope.
  const double root = std::sqrt(std::max(0.0, piece.rate * piece.rate + 2 * piece.slope * left));
  const double t = 2 * left / (piece.rate + root);
  return static_cast<int64_t>((piece.begin_s + t) * 1e9);
}

int64_t Schedule::ThinkNs(uint64_t i, uint64_t k) const {
  const auto mean = static_cast<double>(options_.think_ns);
  if (options_.think_exponential)
    return static_cast<int64_t>(-std::log(UniformOf(options_.seed, i, k)) * mean);
  if (k > 0) return options_.think_ns;
  return static_cast<int64_t>(mean * static_cast<double>(i) / connections_);
}

}  // namespace crossover
