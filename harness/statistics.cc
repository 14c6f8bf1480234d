#include "harness/statistics.h"

#include <algorithm>
#include <boost/math/distributions/students_t.hpp>
#include <cmath>
#include <map>
#include <numbers>
#include <numeric>

#include "base/check.h"
#include "base/limits.h"

namespace crossover {
namespace {

constexpr double kTail = 0.025;  // on either side of a 95 % interval

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
    while (sum < kTail - kMargin) sum += (++at)->second;
    return at->first;
  };
  return ConfidenceInterval{.low = skip_tail(medians.begin()), .high = skip_tail(medians.rbegin())};
}

PairedRatio ComparePairs(std::span<const double> numerators, std::span<const double> denominators) {
  CHECK(numerators.size() == denominators.size());
  CHECK(!numerators.empty());
  std::vector<double> logs;
  for (size_t i = 0; i < numerators.size(); ++i) {
    CHECK(numerators[i] > 0 && denominators[i] > 0);
    logs.push_back(std::log(numerators[i]) - std::log(denominators[i]));
  }
  const auto n = static_cast<double>(logs.size());
  const double mean = std::accumulate(logs.begin(), logs.end(), 0.0) / n;
  PairedRatio result;
  result.ratio = std::exp(mean);
  if (logs.size() < 2) return result;
  double squares = 0;
  for (const double value : logs) squares += (value - mean) * (value - mean);
  const double error = std::sqrt(squares / (n - 1) / n);
  const boost::math::students_t distribution(n - 1);
  const double reach = boost::math::quantile(boost::math::complement(distribution, kTail)) * error;
  result.interval95 =
      ConfidenceInterval{.low = std::exp(mean - reach), .high = std::exp(mean + reach)};
  if (error > 0) {
    const double t = std::abs(mean) / error;
    result.probability = 2 * boost::math::cdf(boost::math::complement(distribution, t));
  } else {
    // Values that repeat exactly (counts, sizes): any difference between them is real.
    result.probability = mean == 0 ? 1 : 0;
  }
  return result;
}

std::vector<bool> HolmRejections(std::span<const double> probabilities, double level) {
  std::vector<size_t> order(probabilities.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return probabilities[a] < probabilities[b]; });
  std::vector<bool> rejected(probabilities.size(), false);
  for (size_t rank = 0; rank < order.size(); ++rank) {
    const auto left = static_cast<double>(order.size() - rank);
    if (probabilities[order[rank]] > level / left) break;
    rejected[order[rank]] = true;
  }
  return rejected;
}

std::optional<Trend> FindTrend(std::span<const double> values) {
  const size_t n = values.size();
  if (n < kTrendValuesMin) return std::nullopt;
  const double median = Median(values);
  if (median == 0) return std::nullopt;
  double score = 0;
  std::vector<double> slopes;
  std::map<double, double> ties;
  for (size_t i = 0; i < n; ++i) {
    ties[values[i]] += 1;
    for (size_t j = i + 1; j < n; ++j) {
      const double rise = values[j] - values[i];
      score += rise > 0 ? 1 : rise < 0 ? -1 : 0;
      slopes.push_back(rise / static_cast<double>(j - i));
    }
  }
  const auto weight = [](double m) { return m * (m - 1) * (2 * m + 5); };
  double variance = weight(static_cast<double>(n));
  for (const auto& [value, count] : ties) variance -= weight(count);
  variance /= 18;
  Trend trend;
  if (variance > 0) {
    const double z = std::max(0.0, std::abs(score) - 1) / std::sqrt(variance);
    trend.probability = std::erfc(z / std::numbers::sqrt2);
  }
  trend.relative_change = Median(slopes) * static_cast<double>(n - 1) / std::abs(median);
  return trend;
}

}  // namespace crossover
