#pragma once

namespace crossover {

struct ConfidenceInterval {
  double low = 0;
  double high = 0;
  bool operator==(const ConfidenceInterval&) const = default;
};

inline constexpr double kTail95 = 0.025;  // on either side of a 95 % interval

}  // namespace crossover
