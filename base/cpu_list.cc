#include "base/cpu_list.h"

#include <sched.h>

#include <algorithm>
#include <cerrno>
#include <charconv>

#include "base/error.h"

namespace crossover {
namespace {

[[noreturn]] void Refuse(std::string_view text, std::string_view what) {
  throw UsageError(std::string(what) + ": '" + std::string(text) +
                   "' is not a list of CPUs; write it as 0-3,8");
}

}  // namespace

std::vector<int> ParseCpuList(std::string_view text, std::string_view what) {
  std::vector<int> cpus;
  const char* at = text.data();
  const char* const end = text.data() + text.size();
  while (true) {
    int first = 0;
    auto result = std::from_chars(at, end, first);
    if (result.ec != std::errc{} || first < 0 || first >= CPU_SETSIZE) Refuse(text, what);
    int last = first;
    at = result.ptr;
    if (at != end && *at == '-') {
      result = std::from_chars(at + 1, end, last);
      if (result.ec != std::errc{} || last < first || last >= CPU_SETSIZE) Refuse(text, what);
      at = result.ptr;
    }
    for (int cpu = first; cpu <= last; ++cpu) cpus.push_back(cpu);
    if (at == end) break;
    if (*at++ != ',') Refuse(text, what);
  }
  std::sort(cpus.begin(), cpus.end());
  cpus.erase(std::unique(cpus.begin(), cpus.end()), cpus.end());
  return cpus;
}

std::string FormatCpuList(const std::vector<int>& cpus) {
  std::string text;
  for (size_t i = 0; i < cpus.size();) {
    size_t last = i;
    while (last + 1 < cpus.size() && cpus[last + 1] == cpus[last] + 1) ++last;
    if (!text.empty()) text += ',';
    text += std::to_string(cpus[i]);
    if (last > i) text += '-' + std::to_string(cpus[last]);
    i = last + 1;
  }
  return text;
}

std::vector<int> AllowedCpus() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) != 0) ThrowErrno("sched_getaffinity");
  std::vector<int> cpus;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(cpu, &set)) cpus.push_back(cpu);
  }
  return cpus;
}

int SetAffinity(int tid, const std::vector<int>& cpus) {
  cpu_set_t set;
  CPU_ZERO(&set);
  for (const int cpu : cpus) CPU_SET(cpu, &set);
  return sched_setaffinity(tid, sizeof set, &set) == 0 ? 0 : errno;
}

}  // namespace crossover
