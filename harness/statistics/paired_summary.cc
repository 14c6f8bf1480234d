#include "harness/statistics/paired_summary.h"

#include <cmath>
#include <vector>

#include "harness/statistics/bootstrap.h"
#include "harness/statistics/effect_size.h"
#include "harness/statistics/paired_ratio.h"
#include "harness/statistics/sign_flip.h"
#include "harness/statistics/trimmed.h"

namespace crossover {
namespace {

ConfidenceInterval Exponentiated(double low, double high) {
  return {.low = std::exp(low), .high = std::exp(high)};
}

}  // namespace

PairedSummary SummarisePairs(std::span<const double> numerators,
                             std::span<const double> denominators,
                             const PairedSummaryOptions& options) {
  const std::vector<double> all = LogRatios(numerators, denominators);
  const std::vector<double> logs = TrimmedStandIns(all);
  PairedSummary summary;
  summary.logs = EstimateMean(logs);
  const double mean = summary.logs.mean;
  summary.ratio = std::exp(mean);
  summary.cohens_dz = CohensDz(all);
  summary.superiority = Superiority(all);
  const double shrink = std::sqrt(summary.logs.effective / static_cast<double>(logs.size()));
  summary.probability = SignFlipProbability(
      logs, {.seed = options.seed, .vectors = options.sign_vectors, .shrink = shrink});
  if (logs.size() < 2) return summary;
  summary.interval95 = Exponentiated(mean - summary.logs.reach95, mean + summary.logs.reach95);
  if (const auto bca =
          BcaMeanInterval95(logs, {.seed = options.seed, .resamples = options.resamples})) {
    summary.bootstrap95 =
        Exponentiated(mean + (bca->low - mean) / shrink, mean + (bca->high - mean) / shrink);
  }
  return summary;
}

}  // namespace crossover
