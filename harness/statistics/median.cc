#include "harness/statistics/median.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <vector>

#include "base/check.h"
#include "base/limits.h"

namespace crossover {
namespace {

std::vector<double> Sorted(std::span<const double> values) {
  std::vector<double> sorted(values.begin(), values.end());
  std::sort(sorted.begin(), sorted.end());
  return sorted;
}

double QuantileOfSorted(const std::vector<double>& sorted, double probability) {
  const double position = probability * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<size_t>(position);
  const size_t above = std::min(below + 1, sorted.size() - 1);
  return std::lerp(sorted[below], sorted[above], position - static_cast<double>(below));
}

double BinomialLog(double n, double k) {
  return std::lgamma(n + 1) - std::lgamma(k + 1) - std::lgamma(n - k + 1);
}

// P(at least `least` of n draws fall on one of the `lowest` smallest of n values).
double AtLeastAmongLowest(size_t n, size_t least, size_t lowest) {
  if (lowest == n) return 1;
  if (lowest == 0) return 0;
  const double share = static_cast<double>(lowest) / static_cast<double>(n);
  double sum = 0;
  for (size_t k = least; k <= n; ++k) {
    const auto hits = static_cast<double>(k);
    const auto misses = static_cast<double>(n - k);
    sum += std::exp(BinomialLog(static_cast<double>(n), hits) + hits * std::log(share) +
                    misses * std::log1p(-share));
  }
  return sum;
}

// Value of a resample's median -> its probability, over all n^n resamples of `x` (ascending).
std::map<double, double> ResampledMedians(const std::vector<double>& x) {
  const size_t n = x.size();
  CHECK(n <= limits::kRepetitionsMax);  // from about 1020 on, the binomials leave a double's range
  const size_t half = n / 2;
  std::map<double, double> medians;
  if (n % 2 == 1) {  // the median is one order statistic
    double before = 0;
    for (size_t i = 0; i < n; ++i) {
      const double up_to = AtLeastAmongLowest(n, half + 1, i + 1);
      medians[x[i]] += up_to - before;
      before = up_to;
    }
    return medians;
  }
  // The median lies between the draws of rank half and half + 1. They are x[i] < x[j] exactly if
  // half of the draws lie in x[0..i], reaching x[i], and the others in x[j..n-1], reaching x[j].
  const auto share_power = [&](size_t count) {
    return std::pow(static_cast<double>(count) / static_cast<double>(n), static_cast<double>(half));
  };
  const double ways = std::exp(BinomialLog(static_cast<double>(n), static_cast<double>(half)));
  double before = 0;
  std::vector<double> lower(n);
  for (size_t i = 0; i < n; ++i) lower[i] = share_power(i + 1) - share_power(i);
  for (size_t i = 0; i < n; ++i) {
    const double up_to = AtLeastAmongLowest(n, half, i + 1);  // P(rank half is <= x[i])
    double both = up_to - before;                             // P(rank half is x[i])
    before = up_to;
    for (size_t j = i + 1; j < n; ++j) {
      const double probability = ways * lower[i] * (share_power(n - j) - share_power(n - j - 1));
      medians[std::midpoint(x[i], x[j])] += probability;
      both -= probability;
    }
    medians[x[i]] += both;
  }
  return medians;
}

}  // namespace

double Quantile(std::span<const double> values, double probability) {
  CHECK(!values.empty());
  CHECK(probability >= 0 && probability <= 1);
  return QuantileOfSorted(Sorted(values), probability);
}

double Median(std::span<const double> values) { return Quantile(values, 0.5); }

std::optional<ConfidenceInterval> MedianInterval95(std::span<const double> values) {
  if (values.size() < 2) return std::nullopt;
  const std::map<double, double> medians = ResampledMedians(Sorted(values));
  // Leaves out what holds at most the tail's probability, from either end alike. The margin keeps
  // rounding from deciding when a sum equals the tail.
  constexpr double kMargin = 1e-9;
  const auto skip_tail = [](auto at) {
    double sum = at->second;
    while (sum < kTail95 - kMargin) sum += (++at)->second;
    return at->first;
  };
  return ConfidenceInterval{.low = skip_tail(medians.begin()), .high = skip_tail(medians.rbegin())};
}

}  // namespace crossover
