#include "base/open_files.h"

#include <sys/resource.h>

#include <algorithm>
#include <fstream>

#include "base/error.h"

namespace crossover {

OpenFilesLimit GetOpenFilesLimit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) ThrowErrno("getrlimit(RLIMIT_NOFILE)");
  return {.soft = limit.rlim_cur, .hard = limit.rlim_max};
}

OpenFilesLimit RaiseOpenFilesLimit(uint64_t wanted) {
  const OpenFilesLimit now = GetOpenFilesLimit();
  if (now.soft >= wanted) return now;
  // The kernel refuses a hard limit above fs.nr_open whole.
  uint64_t ceiling = wanted;
  std::ifstream("/proc/sys/fs/nr_open") >> ceiling;
  wanted = std::min(wanted, ceiling);
  if (wanted > now.hard) {
    const rlimit both{wanted, wanted};
    if (setrlimit(RLIMIT_NOFILE, &both) == 0) return GetOpenFilesLimit();
  }
  const rlimit soft{wanted < now.hard ? wanted : now.hard, now.hard};
  setrlimit(RLIMIT_NOFILE, &soft);
  return GetOpenFilesLimit();
}

}  // namespace crossover
