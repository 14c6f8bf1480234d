// HighestRate: the highest rate of requests at which a server keeps an objective, by halving. Pure.
#pragma once

#include <cstddef>
#include <optional>

namespace crossover {

struct HighestRateRules {
  double first_rps = 1;         // where to begin; above 0
  double narrow_enough = 1.03;  // met and missed at most so far apart: done
  size_t trials_max = 50;
  double give_up_below = 0.01;  // of first_rps: nothing is met
};

// Each rate is tried until two trials agree: what a single one misses may be the machine's doing.
class HighestRate {
 public:
  explicit HighestRate(const HighestRateRules& rules) : rules_(rules), rate_(rules.first_rps) {}

  // The rate of the next trial; nullopt: done.
  std::optional<double> Next() const;
  void Add(bool met);

  std::optional<double> met_rps() const { return met_; }        // the highest that was met
  std::optional<double> missed_rps() const { return missed_; }  // the lowest that was not
  size_t trials() const { return trials_; }

 private:
  void Decide(bool met);

  HighestRateRules rules_;
  double rate_;
  size_t met_here_ = 0;
  size_t missed_here_ = 0;
  size_t trials_ = 0;
  std::optional<double> met_;
  std::optional<double> missed_;
};

}  // namespace crossover
