// Lists of CPUs in the kernel's notation: "0-3,8".
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace crossover {

// Ascending, without repeats. Throws UsageError, naming `what`, for anything that is not a list.
std::vector<int> ParseCpuList(std::string_view text, std::string_view what);
std::string FormatCpuList(const std::vector<int>& cpus);

// The CPUs that this thread may run on, ascending.
std::vector<int> AllowedCpus();

// Confines thread `tid` (0: the calling one) and what it starts later to `cpus`. Returns 0 or
// errno.
int SetAffinity(int tid, const std::vector<int>& cpus);

}  // namespace crossover
