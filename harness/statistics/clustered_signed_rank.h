// The centre of values that come in clusters, those of one cluster alike: pairs of slices, of which
// some have the same two processes. By signed ranks with Cauchy scores (Hajek and Sidak, "Theory of
// Rank Tests", 1967): the value of rank r by its distance, of n, counts as sin(pi r / (n + 1)), so
// that wild values count for little. Summed by cluster, where it is the clusters that count as
// independent (as Rosner, Glynn and Lee do for Wilcoxon's ranks, "The Wilcoxon signed rank test for
// paired comparisons of clustered data", Biometrics 2006). p is exact for up to 16 clusters of any
// symmetric distribution, if their number was not chosen by what they showed: each is as likely to
// have all its signs turned (sign_flip.h). The interval holds the centres that this test would not
// refuse, from `centre` outwards. Pure; any thread.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "harness/statistics/confidence_interval.h"

namespace crossover {

// With fewer, p can't fall below 5 %, and there is no interval.
inline constexpr size_t kClustersMin = 6;

struct ClusteredCentre {
  double centre = 0;  // CentreByScores of all values
  ConfidenceInterval interval95;
  double probability = 1;  // two-sided, of values like these if their centre were 0
};

// `clusters`: at least kClustersMin, each with at least one value (checked). `effective_share`: in
// (0, 1] (checked); less than 1 where the clusters have something in common, so that n of them tell
// as much as n * effective_share would. p is then larger and the interval wider.
ClusteredCentre LocateClusters(std::span<const std::vector<double>> clusters,
                               double effective_share = 1);

// Its p alone.
double ClusteredProbability(std::span<const std::vector<double>> clusters);

// Where the scores of the values' distances sum to 0 (an R-estimate: Hodges and Lehmann, 1963). Not
// empty (checked).
double CentreByScores(std::span<const double> values);

}  // namespace crossover
