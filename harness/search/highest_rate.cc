#include "harness/search/highest_rate.h"

#include <cmath>

namespace crossover {
namespace {

constexpr double kStep = 1.3;  // up or down, as long as one of the two ends is not known

}  // namespace

std::optional<double> HighestRate::Next() const {
  if (trials_ >= rules_.trials_max) return std::nullopt;
  if (met_ && missed_ && *missed_ / *met_ <= rules_.narrow_enough) return std::nullopt;
  if (!met_ && rate_ < rules_.first_rps * rules_.give_up_below) return std::nullopt;
  return rate_;
}

void HighestRate::Add(bool met) {
  ++trials_;
  ++(met ? met_here_ : missed_here_);
  if (met_here_ == 2) Decide(true);
  if (missed_here_ == 2) Decide(false);
}

void HighestRate::Decide(bool met) {
  (met ? met_ : missed_) = rate_;
  met_here_ = missed_here_ = 0;
  if (met_ && missed_) {
    rate_ = std::sqrt(*met_ * *missed_);
  } else {
    rate_ = met ? rate_ * kStep : rate_ / kStep;
  }
}

}  // namespace crossover
