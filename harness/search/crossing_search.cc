#include "harness/search/crossing_search.h"

#include <algorithm>
#include <cmath>
#include <span>

#include "base/check.h"

namespace crossover {
namespace {

double Log(int64_t place) { return std::log(static_cast<double>(place)); }

// Between the two, in proportion.
int64_t Middle(int64_t low, int64_t high) {
  return std::llround(std::sqrt(static_cast<double>(low) * static_cast<double>(high)));
}

// Where the weighted least-squares line is 0, kept to the range of the readings.
double Root(std::span<const AxisReading> readings) {
  double weights = 0;
  double mean_x = 0;
  double mean_y = 0;
  for (const AxisReading& each : readings) {
    const double weight = 1 / (each.standard_error * each.standard_error);
    weights += weight;
    mean_x += weight * Log(each.at);
    mean_y += weight * each.log_ratio;
  }
  mean_x /= weights;
  mean_y /= weights;
  double xx = 0;
  double xy = 0;
  for (const AxisReading& each : readings) {
    const double weight = 1 / (each.standard_error * each.standard_error);
    xx += weight * (Log(each.at) - mean_x) * (Log(each.at) - mean_x);
    xy += weight * (Log(each.at) - mean_x) * (each.log_ratio - mean_y);
  }
  const double low = Log(readings.front().at);
  const double high = Log(readings.back().at);
  const double root = xy == 0 ? (low + high) / 2 : mean_x - mean_y * xx / xy;
  return std::exp(std::clamp(root, low, high));
}

}  // namespace

CrossingSearch::CrossingSearch(const CrossingRules& rules) : rules_(rules) {
  CHECK(rules.low > 0 && rules.low < rules.high && rules.first_places >= 2);
  first_ = {rules.low, rules.high};
  const double step =
      (Log(rules.high) - Log(rules.low)) / static_cast<double>(rules.first_places - 1);
  for (size_t i = 1; i + 1 < rules.first_places; ++i) {
    const int64_t place = std::llround(std::exp(Log(rules.low) + step * static_cast<double>(i)));
    if (std::ranges::count(first_, place) == 0) first_.push_back(place);
  }
}

void CrossingSearch::Add(const AxisReading& reading) {
  CHECK(reading.standard_error > 0);
  readings_.insert(std::ranges::upper_bound(readings_, reading.at, {}, &AxisReading::at), reading);
}

std::vector<Crossing> CrossingSearch::Crossings() const {
  std::vector<Crossing> crossings;
  size_t below = readings_.size();  // the last that was told apart; none yet
  for (size_t i = 0; i < readings_.size(); ++i) {
    if (readings_[i].order() == 0) continue;
    if (below < i && readings_[below].order() != readings_[i].order()) {
      crossings.push_back({.below = readings_[below],
                           .above = readings_[i],
                           .estimate = Root(std::span(readings_).subspan(below, i - below + 1))});
    }
    below = i;
  }
  return crossings;
}

// Only gaps beside an end of a crossing make its range narrower.
std::optional<int64_t> CrossingSearch::WidestGap() const {
  double widest = std::log(rules_.narrow_enough);
  std::optional<int64_t> place;
  for (const Crossing& crossing : Crossings()) {
    for (size_t i = 0; i + 1 < readings_.size(); ++i) {
      const int64_t left = readings_[i].at;
      const int64_t right = readings_[i + 1].at;
      if (left != crossing.below.at && right != crossing.above.at) continue;
      const int64_t middle = Middle(left, right);
      const double gap = Log(right) - Log(left);
      if (gap <= widest || middle <= left || middle >= right) continue;
      widest = gap;
      place = middle;
    }
  }
  return place;
}

std::optional<int64_t> CrossingSearch::Next() const {
  for (const int64_t place : first_) {
    if (std::ranges::count(readings_, place, &AxisReading::at) == 0) return place;
  }
  return readings_.size() < rules_.places_max ? WidestGap() : std::nullopt;
}

}  // namespace crossover
