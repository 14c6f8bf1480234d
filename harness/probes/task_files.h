// TaskFiles: sums over the files of a process's threads in /proc, for kernels and users that have
// nothing better. Threads that have ended are lost, and 16,000 threads take some 150 ms.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>
#include <string_view>

namespace crossover {

// Calls `take` with the text of /proc/PID/task/*/`file` of every live thread. Empty, or the reason
// why not one could be read. Threads that end meanwhile are passed over.
std::string ForEachTaskFile(pid_t pid, std::string_view file,
                            const std::function<void(std::string_view text)>& take);

}  // namespace crossover
