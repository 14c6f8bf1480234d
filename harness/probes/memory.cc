// Memory of the server at N connections minus at none, divided by N: what it holds itself, what the
// kernel holds for its threads (a stack each) and for its address space (page tables), and apart
// from it what the kernel holds for TCP sockets, of the whole machine, which on loopback are two
// for each connection: the socket and its inode, in the sizes that /proc/slabinfo tells (to root
// only), and the buffers. Buffers alone would say 0: an idle socket has none.
//
// Pages that a server's processes share are in the PSS of each by its share.
//
// Of the PSS the anonymous part counts (heap, stacks, written data), where the kernel tells it
// (5.4 on). The rest is code from files, whose share falls as soon as another process maps the same
// library: the load generator, which starts between the two readings, would make it negative.
#include <unistd.h>

#include "harness/probe.h"

namespace crossover {
namespace {

// x86-64, arm64 and riscv64 give a thread 16 KiB of kernel stack. The kernel tells the sum of all
// processes only (KernelStack in /proc/meminfo), so threads are counted instead.
constexpr double kKernelStackBytes = 16 * 1024;

constexpr std::string_view kProcessSum = "process_bytes";
constexpr std::string_view kSocketBytes = "socket_bytes";

// The growth of `key` from no connection to all, in bytes for each of `connections`; if it was not
// read, for `why` unless a reading failed.
void SetGrowth(const Samples& samples, std::string_view key, const TrialFacts& facts,
               std::string_view name, std::string why, Metrics& metrics) {
  std::optional<double> growth;
  const Sample& idle = At(samples, Moment::kIdle);
  const Sample& connected = At(samples, Moment::kConnected);
  const auto first = idle.values.find(key);
  const auto last = connected.values.find(key);
  if (!idle.failure.empty()) {
    why = idle.failure;
  } else if (!connected.failure.empty()) {
    why = connected.failure;
  } else if (first != idle.values.end() && last != connected.values.end()) {
    growth = last->second - first->second;
  }
  SetRatio(metrics, name, growth, static_cast<double>(facts.connections), 1, why);
}

// The size of one object of the kernel's cache `name`: its fourth column.
std::optional<double> ObjectBytes(const std::string& slabinfo, const std::string& name) {
  size_t at = slabinfo.find("\n" + name + " ");
  for (int column = 1; column < 4 && at != std::string::npos; ++column) {
    at = slabinfo.find_first_not_of(' ', slabinfo.find(' ', at));
  }
  if (at == std::string::npos) return std::nullopt;
  return NumberAfter(std::string_view(slabinfo).substr(at), "");
}

std::optional<double> PssKilobytes(std::string_view rollup) {
  const auto anonymous = NumberAfter(rollup, "Pss_Anon:");
  const auto shared = NumberAfter(rollup, "Pss_Shmem:");
  return anonymous && shared ? std::optional<double>(*anonymous + *shared)
                             : NumberAfter(rollup, "Pss:");
}

// What the process holds itself, and the kernel for it. nullopt with the reason in `why`.
std::optional<double> ProcessBytes(pid_t pid, std::string& why) {
  const std::string directory = "/proc/" + std::to_string(pid) + "/";
  const auto rollup = ReadSmallFile(directory + "smaps_rollup", why);
  const auto status = ReadSmallFile(directory + "status", why);
  if (!rollup || !status) return std::nullopt;
  const auto pss = PssKilobytes(*rollup);
  const auto threads = NumberAfter(*status, "Threads:");
  const auto tables = NumberAfter(*status, "VmPTE:");
  if (!pss || !threads || !tables) {
    why = "the kernel's memory files lack Pss, Threads or VmPTE";
    return std::nullopt;
  }
  return (*pss + *tables) * 1024 + *threads * kKernelStackBytes;
}

// One that has ended holds nothing.
bool HasEnded(pid_t pid) {
  std::string why;
  const auto status = ReadSmallFile("/proc/" + std::to_string(pid) + "/status", why);
  return !status || status->find("\nState:\tZ") != std::string::npos;
}

class MemoryProbe : public Probe {
 public:
  std::vector<std::string_view> metrics() const override {
    return {"memory_bytes_per_connection", "socket_memory_bytes_per_connection"};
  }

  std::string Attach(const ProbeTarget& target) override {
    target_ = target;
    std::string why;
    const std::string slabinfo = ReadSmallFile("/proc/slabinfo", why).value_or("");
    const auto socket = ObjectBytes(slabinfo, "TCP");
    const auto inode = ObjectBytes(slabinfo, "sock_inode_cache");
    if (socket && inode) socket_bytes_ = *socket + *inode;
    return {};
  }

  void Read(Moment moment, Sample& sample) override {
    if (moment != Moment::kIdle && moment != Moment::kConnected) return;
    double sum = 0;
    ReadEachProcess(target_, sample, [&](pid_t pid, std::string& why) {
      const auto bytes = ProcessBytes(pid, why);
      sum += bytes.value_or(0);
      if (!bytes && target_.processes != nullptr && HasEnded(pid)) why.clear();
      return why.empty();
    });
    const auto sockets = ReadSmallFile("/proc/net/sockstat", sample.failure);
    if (!sample.failure.empty() || !sockets) return;
    sample.values[std::string(kProcessSum)] = sum;
    // "TCP: inuse 6 orphan 0 tw 0 alloc 7 mem 1": sockets that exist, pages of their buffers.
    const size_t tcp = sockets->find("\nTCP: ");
    const size_t alloc = tcp == std::string::npos ? tcp : sockets->find(" alloc ", tcp);
    const size_t mem = tcp == std::string::npos ? tcp : sockets->find(" mem ", tcp);
    if (!socket_bytes_ || alloc == std::string::npos || mem == std::string::npos) return;
    const std::string_view text = *sockets;
    const auto count = NumberAfter(text.substr(alloc), " alloc ");
    const auto pages = NumberAfter(text.substr(mem), " mem ");
    if (!count || !pages) return;
    sample.values[std::string(kSocketBytes)] =
        *count * *socket_bytes_ + *pages * static_cast<double>(::sysconf(_SC_PAGESIZE));
  }

  void Derive(const Samples& samples, const TrialFacts& facts, Metrics& metrics) const override {
    SetGrowth(samples, kProcessSum, facts, "memory_bytes_per_connection",
              "not read with and without connections", metrics);
    SetGrowth(samples, kSocketBytes, facts, "socket_memory_bytes_per_connection",
              "the size of a socket is in /proc/slabinfo, for root only, or TCP's line is missing "
              "from /proc/net/sockstat",
              metrics);
  }

 private:
  ProbeTarget target_;
  std::optional<double> socket_bytes_;  // of one socket without its buffers
};

}  // namespace

std::unique_ptr<Probe> MakeMemoryProbe() { return std::make_unique<MemoryProbe>(); }

}  // namespace crossover
