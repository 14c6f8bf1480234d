#include "harness/statistics/holm.h"

#include <algorithm>
#include <numeric>

namespace crossover {

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

}  // namespace crossover
