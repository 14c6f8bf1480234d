// What a run's options come to, and whether they make sense and fit the machine.
#pragma once

#include <cstddef>
#include <vector>

#include "loadgen/load_generator.h"
#include "loadgen/request_mix.h"
#include "loadgen/url.h"

namespace crossover {

// Throws UsageError for what makes no sense, or doesn't go together.
void CheckOptions(const LoadOptions& options);
// Likewise, for what can't be had in slices.
void CheckSliced(const LoadOptions& options);

// What is asked for of `url`: the options' targets, or the URL's path. Throws UsageError if both
// are given.
std::vector<Target> TargetsOf(const LoadOptions& options, const Url& url);

// From how many addresses connections come, where they may come from several.
size_t SourcesOf(const LoadOptions& options);

// Throws UsageError, with what to do, for more open files, local ports or bytes in flight than
// there may be. Raises the limit of open files as far as allowed.
void EnsureItFits(const LoadOptions& options, const SocketAddress& address, const RequestMix& mix);

}  // namespace crossover
