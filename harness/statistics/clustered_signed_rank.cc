#include "harness/statistics/clustered_signed_rank.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numbers>
#include <numeric>

#include "base/check.h"
#include "harness/statistics/sign_flip.h"

namespace crossover {
namespace {

constexpr double kLevel = 0.05;
// Until the ends touch, for values of any size that is of interest.
constexpr int kHalvings = 48;

// Cauchy scores of the ranks of the values' distances from `centre`, with their signs. Equal ones
// share the mean of their scores; a value at the centre has none.
std::vector<double> SignedScores(std::span<const double> values, double centre) {
  std::vector<size_t> order(values.size());
  std::iota(order.begin(), order.end(), size_t{0});
  const auto distance = [&](size_t i) { return std::abs(values[i] - centre); };
  std::ranges::sort(order, {}, distance);
  std::vector<double> scores(values.size());
  const auto parts = static_cast<double>(values.size() + 1);
  for (size_t begin = 0, end = 0; begin < order.size(); begin = end) {
    while (end < order.size() && distance(order[end]) == distance(order[begin])) ++end;
    double sum = 0;
    for (size_t rank = begin + 1; rank <= end; ++rank) {
      sum += std::sin(std::numbers::pi * static_cast<double>(rank) / parts);
    }
    const double score = sum / static_cast<double>(end - begin);
    for (size_t i = begin; i < end; ++i) {
      const double value = values[order[i]];
      scores[order[i]] = value == centre ? 0 : std::copysign(score, value - centre);
    }
  }
  return scores;
}

// Between `yes`, where `holds`, and `no`, where it doesn't: the edge.
double Edge(double yes, double no, const std::function<bool(double)>& holds) {
  for (int i = 0; i < kHalvings; ++i) {
    const double middle = yes + (no - yes) / 2;
    (holds(middle) ? yes : no) = middle;
  }
  return yes;
}

class Clusters {
 public:
  Clusters(std::span<const std::vector<double>> clusters, double effective_share)
      : shrink_(std::sqrt(effective_share)) {
    CHECK(effective_share > 0 && effective_share <= 1);
    CHECK(clusters.size() >= kClustersMin);
    for (const std::vector<double>& cluster : clusters) {
      CHECK(!cluster.empty());
      values_.insert(values_.end(), cluster.begin(), cluster.end());
      ends_.push_back(values_.size());
    }
  }

  const std::vector<double>& values() const { return values_; }

  // That the centre is there.
  double Probability(double centre) const {
    const std::vector<double> scores = SignedScores(values_, centre);
    std::vector<double> sums;
    auto begin = scores.begin();
    for (const size_t at : ends_) {
      const auto end = scores.begin() + static_cast<std::ptrdiff_t>(at);
      sums.push_back(std::accumulate(begin, end, 0.0));
      begin = end;
    }
    return SignFlipProbability(sums, {.shrink = shrink_});
  }

 private:
  std::vector<double> values_;  // cluster by cluster
  std::vector<size_t> ends_;
  double shrink_;
};

}  // namespace

ClusteredCentre LocateClusters(std::span<const std::vector<double>> clusters,
                               double effective_share) {
  const Clusters all(clusters, effective_share);
  const auto [least, most] = std::ranges::minmax(all.values());
  const double centre = CentreByScores(all.values());
  const auto plausible = [&](double value) { return all.Probability(value) >= kLevel; };
  return {
      .centre = centre,
      .interval95 = {.low = Edge(centre, least, plausible), .high = Edge(centre, most, plausible)},
      .probability = all.Probability(0)};
}

double ClusteredProbability(std::span<const std::vector<double>> clusters) {
  return Clusters(clusters, 1).Probability(0);
}

double CentreByScores(std::span<const double> values) {
  CHECK(!values.empty());
  const auto sum = [&](double centre) {
    const std::vector<double> scores = SignedScores(values, centre);
    return std::accumulate(scores.begin(), scores.end(), 0.0);
  };
  // The sum is above 0 at the least and below it at the most. Where it is 0 over a stretch, the
  // middle of that.
  const auto [least, most] = std::ranges::minmax(values);
  const double last_above = Edge(least, most, [&](double centre) { return sum(centre) > 0; });
  const double first_below = Edge(most, least, [&](double centre) { return sum(centre) < 0; });
  return (last_above + first_below) / 2;
}

}  // namespace crossover
