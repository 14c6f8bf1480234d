// A histogram in the two forms of HdrHistogram that other tools read (hdrhistogram.org).
//
// Our buckets of 1/256 are coarser than HdrHistogram's of three digits (1/1024 to 1/2048), and
// their edges are among its edges: each bucket's count goes to the one with the same highest value,
// so that a decoder finds the quantiles that Histogram::QuantileNs tells, but for the exact
// maximum.
#pragma once

#include <string>

#include "loadgen/histogram.h"

namespace crossover {

// Percentile distribution in milliseconds, five lines for each halving of the distance to 100 %:
// what HdrHistogram's outputPercentileDistribution prints and its plotter reads.
std::string HgrmText(const Histogram& histogram);

// Encoding V2, compressed, in base64: what goes into HdrHistogram logs. Nanoseconds.
std::string HdrV2Base64(const Histogram& histogram);

}  // namespace crossover
