// CrossingSearch: where along an axis the order of two contenders flips, place by place. Pure.
//
// First a few places over the whole range, evenly in proportion. Then, wherever the order is
// another at two neighbours that are told apart, the gap between them is narrowed. Places at which
// the two could not be told apart are kept: near a crossing that is what is to be expected, and the
// answer is the range between the last place with one order and the first with the other.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace crossover {

struct AxisReading {
  int64_t at = 0;
  double log_ratio = 0;       // of the first contender's figure to the second's
  double standard_error = 0;  // of it; above 0
  bool told_apart = false;    // at the level of the search
  // Which of the two has the smaller figure: -1: the first, 1: the second, 0: not told apart.
  int order() const { return !told_apart ? 0 : log_ratio < 0 ? -1 : 1; }
};

struct Crossing {
  AxisReading below;  // told apart, the last with its order
  AxisReading above;  // likewise, the first with the other
  double estimate;    // between them: where a line through all readings from one to the other,
                      // against the logarithm of the place, is 0
};

struct CrossingRules {
  int64_t low = 1;
  int64_t high = 1;         // above low
  size_t first_places = 5;  // at least 2
  size_t places_max = 16;
  double narrow_enough = 1.15;  // neighbours at most so many times apart are left as they are
};

class CrossingSearch {
 public:
  explicit CrossingSearch(const CrossingRules& rules);

  // The next place to read; nullopt: done.
  std::optional<int64_t> Next() const;
  void Add(const AxisReading& reading);

  const std::vector<AxisReading>& readings() const { return readings_; }  // by place
  std::vector<Crossing> Crossings() const;
  // Places were left, but not so many readings.
  bool cut_short() const {
    return readings_.size() >= rules_.places_max && WidestGap().has_value();
  }

 private:
  std::optional<int64_t> WidestGap() const;

  const CrossingRules rules_;
  std::vector<int64_t> first_;  // places, the ends first
  std::vector<AxisReading> readings_;
};

}  // namespace crossover
